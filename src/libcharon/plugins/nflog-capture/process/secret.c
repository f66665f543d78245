/*
 * Copyright (C) 2026 The nflog-capture authors
 *
 * This program is free software; you can redistribute it and/or modify it
 * under the terms of the GNU General Public License as published by the
 * Free Software Foundation; either version 2 of the License, or (at your
 * option) any later version.  See <http://www.fsf.org/copyleft/gpl.txt>.
 *
 * This program is distributed in the hope that it will be useful, but
 * WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY
 * or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU General Public License
 * for more details.
 */

#define _GNU_SOURCE

#include "secret.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utils/debug.h>

/** bytes of a region that is split into blocks of the same size */
#define REGION_SIZE 65536

/** smallest and largest such blocks, as powers of two, larger ones have their own region */
#define MIN_ORDER 6
#define MAX_ORDER 13

/** first size of a text, which most keys fit in */
#define TEXT_SIZE 500

typedef struct region_t region_t;
typedef struct block_t block_t;

/**
 * Pages from the kernel, this is at their beginning.
 */
struct region_t {

	/** bytes, and if they are locked */
	size_t size;
	bool locked;

	/** order of its blocks, 0 if it has a single one */
	u_int order;

	/** number of blocks in use, and the others, if there are several */
	u_int used;
	block_t *free;

	/** regions of the same order with free blocks */
	region_t *next, *prev;
};

/**
 * Block in a region, what is in front of the memory that is given out.
 */
struct block_t {

	/** its region */
	region_t *region;

	union {
		/** bytes that were requested */
		size_t len;
		/** next free block */
		block_t *next;
	};
};

/**
 * Regions with free blocks, by order.
 */
static region_t *regions[MAX_ORDER + 1];

/**
 * Guards regions that are split.
 */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/**
 * Bytes that are locked, and that are given out, changed atomically.
 */
static size_t locked_size, used_size;

/**
 * Remove a region from those with free blocks.
 */
static void unlink_region(region_t *region)
{
	if (region->prev)
	{
		region->prev->next = region->next;
	}
	else
	{
		regions[region->order] = region->next;
	}
	if (region->next)
	{
		region->next->prev = region->prev;
	}
	region->next = region->prev = NULL;
}

/**
 * Add a region to those with free blocks.
 */
static void link_region(region_t *region)
{
	region->next = regions[region->order];
	if (region->next)
	{
		region->next->prev = region;
	}
	regions[region->order] = region;
}

/**
 * Lock a region, and leave it out of core dumps.
 *
 * @return			0, or why it is not locked, an errno
 */
static int protect(region_t *region)
{
	size_t size;
	int err = ENOBUFS;

	/* Linux does this since 3.4 */
	madvise(region, region->size, MADV_DONTDUMP);

	size = __atomic_add_fetch(&locked_size, region->size, __ATOMIC_RELAXED);
	if (size <= NFLOG_SECRET_MAX_LOCKED)
	{
		err = mlock(region, region->size) == 0 ? 0 : errno;
	}
	region->locked = !err;
	if (err)
	{
		__atomic_sub_fetch(&locked_size, region->size, __ATOMIC_RELAXED);
	}
	return err;
}

/**
 * Get pages from the kernel, as blocks of an order, 0 for a single one.
 *
 * @param err		receives why they are not locked, an errno
 */
static region_t *create_region(size_t size, u_int order, int *err)
{
	region_t *region;
	block_t *block;
	size_t pos;

	region = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);
	if (region == MAP_FAILED)
	{
		return NULL;
	}
	region->size = size;
	region->order = order;
	*err = protect(region);
	for (pos = sizeof(*region); order && pos + (1 << order) <= size; pos += 1 << order)
	{
		block = (block_t*)((char*)region + pos);
		block->region = region;
		block->next = region->free;
		region->free = block;
	}
	return region;
}

/**
 * Return the pages of a region, which were wiped.
 */
static void destroy_region(region_t *region)
{
	if (region->locked)
	{
		__atomic_sub_fetch(&locked_size, region->size, __ATOMIC_RELAXED);
	}
	munmap(region, region->size);
}

/**
 * Get the order of blocks that have room for so many bytes, 0 if none have.
 */
static u_int get_order(size_t len)
{
	u_int order;

	for (order = MIN_ORDER; order <= MAX_ORDER; order++)
	{
		if (len <= (1 << order) - sizeof(block_t))
		{
			return order;
		}
	}
	return 0;
}

/**
 * Allocate a block of a region that is split.
 */
static block_t *alloc_small(u_int order, int *err)
{
	block_t *block = NULL;
	region_t *region;

	pthread_mutex_lock(&mutex);
	region = regions[order];
	if (!region && (region = create_region(REGION_SIZE, order, err)))
	{
		link_region(region);
	}
	if (region)
	{
		block = region->free;
		region->free = block->next;
		region->used++;
		if (!region->free)
		{
			unlink_region(region);
		}
	}
	pthread_mutex_unlock(&mutex);
	return block;
}

/**
 * Free a block of a region that is split.
 */
static void free_small(region_t *region, block_t *block)
{
	pthread_mutex_lock(&mutex);
	if (!region->free)
	{
		link_region(region);
	}
	block->next = region->free;
	region->free = block;
	if (!--region->used && (region->next || region->prev))
	{	/* others have free blocks, too */
		unlink_region(region);
		destroy_region(region);
	}
	pthread_mutex_unlock(&mutex);
}

/**
 * Allocate a block with a region of its own.
 */
static block_t *alloc_large(size_t len, int *err)
{
	size_t page = sysconf(_SC_PAGESIZE), head = sizeof(region_t) + sizeof(block_t);
	region_t *region;
	block_t *block;

	if (len > SIZE_MAX - head - page)
	{
		return NULL;
	}
	region = create_region((head + len + page - 1) / page * page, 0, err);
	if (!region)
	{
		return NULL;
	}
	block = (block_t*)(region + 1);
	block->region = region;
	return block;
}

/**
 * Log once that memory is not locked.
 */
static void log_unlocked(int err)
{
	static refcount_t logged;

	if (!err || ref_get(&logged) != 1)
	{
		return;
	}
	if (err == ENOBUFS)
	{
		DBG1(DBG_CFG, "nflog-capture: more than %d MB of keys and configuration are in "
			 "memory, what exceeds that is not locked and may get to the swap space",
			 NFLOG_SECRET_MAX_LOCKED >> 20);
	}
	else
	{
		DBG1(DBG_CFG, "nflog-capture: unable to lock memory with keys, which may get to "
			 "the swap space: %s, raise RLIMIT_MEMLOCK (LimitMEMLOCK in charon's "
			 "systemd service) to %d MB", strerror(err),
			 NFLOG_SECRET_MAX_LOCKED >> 20);
	}
}

/*
 * Described in header
 */
void *nflog_secret_alloc(size_t len)
{
	u_int order = get_order(len);
	block_t *block;
	int err = 0;

	block = order ? alloc_small(order, &err) : alloc_large(len, &err);
	log_unlocked(err);
	if (!block)
	{
		return NULL;
	}
	block->len = len;
	__atomic_add_fetch(&used_size, len, __ATOMIC_RELAXED);
	return block + 1;
}

/*
 * Described in header
 */
void nflog_secret_free(void *secret)
{
	block_t *block;
	region_t *region;

	if (!secret)
	{
		return;
	}
	block = (block_t*)secret - 1;
	region = block->region;
	memwipe(secret, block->len);
	__atomic_sub_fetch(&used_size, block->len, __ATOMIC_RELAXED);
	if (region->order)
	{
		free_small(region, block);
	}
	else
	{
		destroy_region(region);
	}
}

/*
 * Described in header
 */
void nflog_secret_copy(void *to, const void *from, size_t len)
{
	/* a compiler must not make this a memcpy() */
	volatile u_char *out = to;
	const u_char *in = from;

	while (len--)
	{
		*out++ = *in++;
	}
}

/*
 * Described in header
 */
chunk_t nflog_secret_clone(chunk_t data)
{
	chunk_t clone = chunk_empty;

	if (data.len)
	{
		clone.ptr = nflog_secret_alloc(data.len);
	}
	if (clone.ptr)
	{
		nflog_secret_copy(clone.ptr, data.ptr, data.len);
		clone.len = data.len;
	}
	return clone;
}

/*
 * Described in header
 */
void nflog_secret_clear(chunk_t *data)
{
	nflog_secret_free(data->ptr);
	*data = chunk_empty;
}

/*
 * Described in header
 */
bool nflog_secret_read(int fd, chunk_t *data)
{
	struct stat st;
	size_t size, len = 0;
	u_char *larger;
	ssize_t got;

	*data = chunk_empty;
	if (fstat(fd, &st) == -1)
	{
		return FALSE;
	}
	/* one more byte, to see the end without growing */
	size = st.st_size + 1;
	data->ptr = nflog_secret_alloc(size);
	while (data->ptr)
	{
		got = read(fd, data->ptr + len, size - len);
		if (got == -1 && errno == EINTR)
		{
			continue;
		}
		if (got <= 0)
		{
			data->len = len;
			if (got == -1)
			{
				nflog_secret_clear(data);
			}
			return got == 0;
		}
		len += got;
		if (len == size)
		{	/* it grows */
			larger = nflog_secret_alloc(2 * size);
			if (larger)
			{
				nflog_secret_copy(larger, data->ptr, len);
			}
			nflog_secret_free(data->ptr);
			data->ptr = larger;
			size *= 2;
		}
	}
	errno = ENOMEM;
	return FALSE;
}

/*
 * Described in header
 */
size_t nflog_secret_get_size(size_t *locked)
{
	if (locked)
	{
		*locked = __atomic_load_n(&locked_size, __ATOMIC_RELAXED);
	}
	return __atomic_load_n(&used_size, __ATOMIC_RELAXED);
}

/**
 * Make room for more of a text, FALSE if there is no memory.
 */
static bool reserve(nflog_secret_text_t *text, size_t len)
{
	size_t size;
	char *larger;

	if (text->failed || len <= text->size - text->len)
	{
		return !text->failed;
	}
	size = max(text->len + len, max(2 * text->size, TEXT_SIZE - 1));
	larger = nflog_secret_alloc(size + 1);
	if (!larger)
	{
		text->failed = TRUE;
		return FALSE;
	}
	if (text->text)
	{
		nflog_secret_copy(larger, text->text, text->len);
		nflog_secret_free(text->text);
	}
	text->text = larger;
	text->size = size;
	return TRUE;
}

/*
 * Described in header
 */
void nflog_secret_printf(nflog_secret_text_t *text, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
	{
		text->failed = TRUE;
	}
	else if (reserve(text, len))
	{
		va_start(args, fmt);
		vsnprintf(text->text + text->len, len + 1, fmt, args);
		va_end(args);
		text->len += len;
	}
}

/*
 * Described in header
 */
void nflog_secret_append(nflog_secret_text_t *text, chunk_t data)
{
	if (reserve(text, data.len))
	{
		nflog_secret_copy(text->text + text->len, data.ptr, data.len);
		text->len += data.len;
	}
}

/*
 * Described in header
 */
void nflog_secret_append_hex(nflog_secret_text_t *text, chunk_t data)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	if (reserve(text, 2 * data.len))
	{
		for (i = 0; i < data.len; i++)
		{
			text->text[text->len++] = digits[data.ptr[i] >> 4];
			text->text[text->len++] = digits[data.ptr[i] & 0x0f];
		}
	}
}

/*
 * Described in header
 */
char *nflog_secret_take(nflog_secret_text_t *text)
{
	char *taken = NULL;

	if (reserve(text, 0))
	{
		taken = text->text;
	}
	else
	{
		nflog_secret_free(text->text);
	}
	*text = (nflog_secret_text_t){};
	return taken;
}

/*
 * Described in header
 */
char *nflog_secret_copy_text(chunk_t data)
{
	nflog_secret_text_t text = {};

	nflog_secret_append(&text, data);
	return nflog_secret_take(&text);
}
