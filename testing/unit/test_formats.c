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

/*
 * Captures of other programs: each link type, format and byte order, and files that are
 * truncated, damaged, or made to take memory or time.
 */

#include "common.h"
#include "read/link_type.h"
#include "read/trace.h"

#include <malloc.h>
#include <sys/resource.h>

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

/** time of packets, in microseconds */
#define TIME 1700000000123456ULL

/** what an IP packet is put into, by link type */
static struct {
	uint16_t link;
	chunk_t header;
} frames[] = {
	{ LINKTYPE_RAW, chunk_from_chars() },
	{ LINKTYPE_RAW_BSD, chunk_from_chars() },
	{ LINKTYPE_RAW_OPENBSD, chunk_from_chars() },
	{ LINKTYPE_IPV4, chunk_from_chars() },
	{ LINKTYPE_ETHERNET, chunk_from_chars(1,2,3,4,5,6, 7,8,9,10,11,12, 8,0) },
	/* VLAN, QinQ, three tags */
	{ LINKTYPE_ETHERNET, chunk_from_chars(1,2,3,4,5,6, 7,8,9,10,11,12, 0x81,0, 0,5,
										  8,0) },
	{ LINKTYPE_ETHERNET, chunk_from_chars(1,2,3,4,5,6, 7,8,9,10,11,12, 0x88,0xa8, 0,5,
										  0x81,0, 0,6, 8,0) },
	{ LINKTYPE_ETHERNET, chunk_from_chars(1,2,3,4,5,6, 7,8,9,10,11,12, 0x91,0, 0,5,
										  0x81,0, 0,6, 0x81,0, 0,7, 8,0) },
	/* PPPoE */
	{ LINKTYPE_ETHERNET, chunk_from_chars(1,2,3,4,5,6, 7,8,9,10,11,12, 0x88,0x64,
										  0x11,0, 0,1, 0,50, 0,0x21) },
	{ LINKTYPE_LINUX_SLL, chunk_from_chars(0,0, 0,1, 0,6, 1,2,3,4,5,6,0,0, 8,0) },
	{ LINKTYPE_LINUX_SLL, chunk_from_chars(0,0, 0,1, 0,6, 1,2,3,4,5,6,0,0, 0x81,0, 0,9,
										   8,0) },
	{ LINKTYPE_LINUX_SLL2, chunk_from_chars(8,0, 0,0, 0,0,0,2, 0,1, 0, 6,
											1,2,3,4,5,6,0,0) },
	{ LINKTYPE_NULL, chunk_from_chars(2,0,0,0) },
	{ LINKTYPE_NULL, chunk_from_chars(0,0,0,2) },
	{ LINKTYPE_LOOP, chunk_from_chars(0,0,0,2) },
	{ LINKTYPE_PPP, chunk_from_chars(0xff,3, 0,0x21) },
	{ LINKTYPE_PPP, chunk_from_chars(0,0x21) },
	{ LINKTYPE_PPP, chunk_from_chars(0x21) },
	{ LINKTYPE_PPP_HDLC, chunk_from_chars(0xff,3, 0,0x21) },
	{ LINKTYPE_PPP_ETHER, chunk_from_chars(0x11,0, 0,1, 0,50, 0,0x21) },
};

/** IP packet that frames contain, of which nothing but the version is parsed */
static chunk_t inner = chunk_from_chars(0x45, 0, 0, 28, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
										12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24);

/** TRUE to write the byte order of another machine */
static bool swapped;

/**
 * Change some bytes of something.
 */
static void damage(chunk_t data)
{
	int i, count = rand() % 4;

	for (i = 0; i < count; i++)
	{
		data.ptr[rand() % data.len] = rand();
	}
}

/**
 * Append a number of 16 or 32 bits.
 */
static void put16(chunk_t *file, uint16_t value)
{
	value = swapped ? __builtin_bswap16(value) : value;
	*file = chunk_cat("mc", *file, chunk_from_thing(value));
}

static void put32(chunk_t *file, uint32_t value)
{
	value = swapped ? __builtin_bswap32(value) : value;
	*file = chunk_cat("mc", *file, chunk_from_thing(value));
}

/**
 * Append the header of a pcap file.
 */
static void put_pcap(chunk_t *file, uint32_t magic, uint16_t link)
{
	put32(file, magic);
	put16(file, 2);
	put16(file, 4);
	put32(file, 0);
	put32(file, 0);
	put32(file, 65535);
	put32(file, link);
}

/**
 * Append a packet to a pcap file.
 */
static void put_record(chunk_t *file, uint32_t magic, chunk_t frame)
{
	put32(file, TIME / 1000000);
	put32(file, TIME % 1000000 * (magic == 0xa1b23c4d ? 1000 : 1));
	put32(file, frame.len);
	put32(file, frame.len);
	if (magic == 0xa1b2cd34)
	{
		put32(file, 0);
		put32(file, 0);
	}
	*file = chunk_cat("mc", *file, frame);
}

/**
 * Append a block to a pcapng file, whose body gets freed.
 */
static void put_block(chunk_t *file, uint32_t type, chunk_t body)
{
	static uint8_t zeros[4] = {};
	uint32_t len = 12 + body.len + (-body.len & 3);

	put32(file, type);
	put32(file, len);
	*file = chunk_cat("mmc", *file, body, chunk_create(zeros, -body.len & 3));
	put32(file, len);
}

/**
 * Append the header of a section.
 */
static void put_section(chunk_t *file)
{
	chunk_t body = chunk_empty;

	put32(&body, 0x1a2b3c4d);
	put16(&body, 1);
	put16(&body, 0);
	put32(&body, -1);
	put32(&body, -1);
	put_block(file, 0x0a0d0d0a, body);
}

/**
 * Append an interface.
 *
 * @param resolution	option if_tsresol, 0 for none
 * @param offset		option if_tsoffset, 0 for none
 */
static void put_interface(chunk_t *file, uint16_t link, uint32_t snaplen,
						  uint8_t resolution, uint32_t offset)
{
	chunk_t body = chunk_empty;

	put16(&body, link);
	put16(&body, 0);
	put32(&body, snaplen);
	if (resolution)
	{
		put16(&body, 9);
		put16(&body, 1);
		body = chunk_cat("mc", body, chunk_from_chars(resolution, 0, 0, 0));
	}
	if (offset)
	{
		put16(&body, 14);
		put16(&body, 8);
		put32(&body, swapped ? 0 : offset);
		put32(&body, swapped ? offset : 0);
	}
	put_block(file, 1, body);
}

/**
 * Append an enhanced packet, or an obsolete one.
 */
static void put_packet(chunk_t *file, uint32_t type, uint32_t interface, uint64_t time,
					   chunk_t frame)
{
	chunk_t body = chunk_empty;

	if (type == 2)
	{
		put16(&body, interface);
		put16(&body, 7);
	}
	else
	{
		put32(&body, interface);
	}
	put32(&body, time >> 32);
	put32(&body, time);
	put32(&body, frame.len);
	put32(&body, frame.len);
	put_block(file, type, chunk_cat("mc", body, frame));
}

/**
 * Append a simple packet, which may be cut.
 */
static void put_simple(chunk_t *file, uint32_t len, chunk_t frame)
{
	chunk_t body = chunk_empty;

	put32(&body, len);
	put_block(file, 3, chunk_cat("mc", body, frame));
}

/**
 * Write a file, which gets freed, and open it.
 */
static trace_t *open_trace(chunk_t file)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/trace", dir);
	assert_true(chunk_write(file, path, 0600, TRUE));
	chunk_free(&file);
	return trace_create(path);
}

/**
 * Expect a packet with the inner one.
 */
static void expect(trace_t *trace, uint16_t link, size_t header, uint64_t time)
{
	trace_packet_t packet;

	assert_true(trace->read(trace, &packet));
	assert_int_equal(packet.link, link);
	assert_int_equal(packet.data.len, header + inner.len);
	assert_int_equal(packet.len, header + inner.len);
	assert_true(chunk_equals(packet.ip, inner));
	assert_int_equal(packet.time.tv_sec * 1000000ULL + packet.time.tv_usec, time);
}

/**
 * Expect the end of a trace, and destroy it.
 */
static void expect_end(trace_t *trace, bool torn)
{
	trace_packet_t packet;

	assert_false(trace->read(trace, &packet));
	assert_false(trace->read(trace, &packet));
	assert_int_equal(trace->is_torn(trace), torn);
	trace->destroy(trace);
}

/**
 * Put the inner packet into a frame.
 */
static chunk_t create_frame(int i)
{
	return chunk_cat("cc", frames[i].header, inner);
}

/**
 * All link types and byte orders in pcap files.
 */
static void test_pcap(void **state)
{
	static uint32_t magics[] = { 0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34 };
	chunk_t file, frame;
	trace_t *trace;
	int i, j;

	for (i = 0; i < countof(frames); i++)
	{
		for (j = 0; j < 2 * countof(magics); j++)
		{
			swapped = j % 2;
			file = chunk_empty;
			put_pcap(&file, magics[j / 2], frames[i].link);
			frame = create_frame(i);
			put_record(&file, magics[j / 2], frame);
			put_record(&file, magics[j / 2], frame);
			trace = open_trace(file);
			assert_non_null(trace);
			expect(trace, frames[i].link, frames[i].header.len, TIME);
			assert_true(trace->rewind(trace));
			expect(trace, frames[i].link, frames[i].header.len, TIME);
			expect(trace, frames[i].link, frames[i].header.len, TIME);
			expect_end(trace, FALSE);
			free(frame.ptr);
		}
	}
}

/**
 * NFLOG has attributes in the byte order of the machine that captured.
 */
static void test_nflog(void **state)
{
	chunk_t file, frame;
	trace_t *trace;
	int i;

	for (i = 0; i < 2; i++)
	{
		swapped = i;
		frame = chunk_clone(chunk_from_chars(2, 0, 0, 0));
		put16(&frame, 5);
		put16(&frame, 10);
		frame = chunk_cat("mc", frame, chunk_from_chars('x', 0, 0, 0));
		put16(&frame, 4 + inner.len);
		put16(&frame, 9);
		frame = chunk_cat("mc", frame, inner);
		file = chunk_empty;
		put_pcap(&file, 0xa1b2c3d4, LINKTYPE_NFLOG);
		put_record(&file, 0xa1b2c3d4, frame);
		trace = open_trace(file);
		assert_non_null(trace);
		expect(trace, LINKTYPE_NFLOG, frame.len - inner.len, TIME);
		expect_end(trace, FALSE);
		free(frame.ptr);
	}
}

/**
 * Several sections with another byte order each, and several interfaces with other link
 * types and resolutions of times, and all kinds of packets.
 */
static void test_pcapng(void **state)
{
	chunk_t file = chunk_empty, frame;
	trace_packet_t packet;
	trace_t *trace;
	int i, section;

	for (section = 0; section < 2; section++)
	{
		swapped = section;
		put_section(&file);
		/* unknown blocks, also one that is longer than all buffers */
		put_block(&file, 0x0bad, chunk_clone(chunk_from_str("unknown")));
		put_block(&file, 10, chunk_alloc(1000000));
		for (i = 0; i < countof(frames); i++)
		{
			put_interface(&file, frames[i].link, 0, 0, 0);
		}
		for (i = 0; i < countof(frames); i++)
		{
			frame = create_frame(i);
			put_packet(&file, i % 2 ? 2 : 6, i, TIME, frame);
			free(frame.ptr);
		}
		/* nanoseconds, 2^-20 seconds, seconds, and an offset */
		put_interface(&file, LINKTYPE_RAW, 20, 9, 0);
		put_packet(&file, 6, i++, TIME * 1000, inner);
		put_interface(&file, LINKTYPE_RAW, 0, 0x80 | 20, 0);
		put_packet(&file, 6, i++, (TIME / 1000000) << 20 | 1 << 19, inner);
		put_interface(&file, LINKTYPE_RAW, 0, 6, 1000);
		put_packet(&file, 6, i++, TIME, inner);
		/* resolutions that no clock has */
		put_interface(&file, LINKTYPE_RAW, 0, 0xff, 0);
		put_packet(&file, 6, i++, TIME, inner);
		put_interface(&file, LINKTYPE_RAW, 0, 0x7f, 0);
		put_packet(&file, 6, i++, TIME, inner);
		put_interface(&file, LINKTYPE_RAW, 0, 19, 0);
		put_packet(&file, 6, i++, TIME * 1000, inner);
	}
	/* a section whose first interface cuts packets */
	put_section(&file);
	put_interface(&file, LINKTYPE_RAW, 20, 0, 0);
	put_simple(&file, inner.len, chunk_create(inner.ptr, 20));

	trace = open_trace(file);
	assert_non_null(trace);
	for (section = 0; section < 2; section++)
	{
		for (i = 0; i < countof(frames); i++)
		{
			expect(trace, frames[i].link, frames[i].header.len, TIME);
		}
		expect(trace, LINKTYPE_RAW, 0, TIME);
		expect(trace, LINKTYPE_RAW, 0, TIME / 1000000 * 1000000 + 500000);
		expect(trace, LINKTYPE_RAW, 0, TIME + 1000 * 1000000ULL);
		expect(trace, LINKTYPE_RAW, 0, 0);
		expect(trace, LINKTYPE_RAW, 0, 0);
		expect(trace, LINKTYPE_RAW, 0, TIME * 1000 / 10000000000000ULL);
	}
	assert_true(trace->read(trace, &packet));
	assert_int_equal(packet.data.len, 20);
	assert_int_equal(packet.len, inner.len);
	expect_end(trace, FALSE);
}

/**
 * Frames without an IP packet, and frames that end in their headers.
 */
static void test_other(void **state)
{
	chunk_t frame, copy;
	size_t len;
	int i;

	for (i = 0; i < countof(frames); i++)
	{
		frame = create_frame(i);
		for (len = 0; len < frame.len; len++)
		{
			copy = chunk_clone(chunk_create(frame.ptr, len));
			link_type_get_ip(frames[i].link, FALSE, copy);
			if (len <= frames[i].header.len)
			{
				assert_int_equal(link_type_get_ip(frames[i].link, FALSE, copy).len, 0);
			}
			free(copy.ptr);
		}
		free(frame.ptr);
	}
	/* ARP, LCP, and a link type that is not known */
	frame = chunk_clone(chunk_from_chars(1,2,3,4,5,6, 7,8,9,10,11,12, 8,6, 0x45, 0));
	assert_int_equal(link_type_get_ip(LINKTYPE_ETHERNET, FALSE, frame).len, 0);
	free(frame.ptr);
	frame = chunk_clone(chunk_from_chars(0xc0, 0x21, 0x45, 0));
	assert_int_equal(link_type_get_ip(LINKTYPE_PPP, FALSE, frame).len, 0);
	free(frame.ptr);
	assert_int_equal(link_type_get_ip(147, FALSE, inner).len, 0);
	assert_false(link_type_is_known(147));
}

/**
 * Create a valid file with all that is known.
 */
static chunk_t create_sample(bool pcapng)
{
	chunk_t file = chunk_empty, frame = create_frame(4);

	if (pcapng)
	{
		put_section(&file);
		put_interface(&file, LINKTYPE_ETHERNET, 0, 9, 1);
		put_packet(&file, 6, 0, TIME, frame);
		put_packet(&file, 2, 0, TIME, frame);
		put_simple(&file, frame.len, frame);
	}
	else
	{
		put_pcap(&file, 0xa1b2c3d4, LINKTYPE_ETHERNET);
		put_record(&file, 0xa1b2c3d4, frame);
		put_record(&file, 0xa1b2c3d4, frame);
	}
	free(frame.ptr);
	return file;
}

/**
 * Read all packets of a file, which gets freed.
 *
 * @return			their number, negative if the file is torn, or can't be opened
 */
static int count_packets(chunk_t file)
{
	trace_packet_t packet;
	trace_t *trace;
	chunk_t copy;
	int count = 0;

	trace = open_trace(file);
	if (!trace)
	{
		return -100;
	}
	while (trace->read(trace, &packet))
	{	/* all of the data is there */
		copy = chunk_clone(packet.data);
		free(copy.ptr);
		count++;
	}
	count = trace->is_torn(trace) ? -count : count;
	trace->destroy(trace);
	return count;
}

/**
 * Files that end anywhere.
 */
static void test_truncated(void **state)
{
	chunk_t file;
	size_t len;
	int i, count, whole;

	for (i = 0; i < 4; i++)
	{
		swapped = i % 2;
		file = create_sample(i / 2);
		whole = count_packets(chunk_clone(file));
		assert_int_equal(whole, i / 2 ? 3 : 2);
		for (len = 1; len < file.len; len++)
		{
			count = count_packets(chunk_clone(chunk_create(file.ptr, len)));
			assert_true(count < whole);
		}
		free(file.ptr);
	}
}

/**
 * Lengths that are impossible, or huge.
 */
static void test_lengths(void **state)
{
	static uint32_t values[] = {
		0, 1, 2, 3, 4, 8, 11, 12, 13, 16, 0x7f, 0x80, 0xffff, 0x10000, 0x1000000,
		0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffc, 0xffffffff,
	};
	struct rusage before, after;
	chunk_t file, copy;
	size_t pos;
	int i, j;

	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < 4; i++)
	{
		swapped = i % 2;
		file = create_sample(i / 2);
		for (pos = 0; pos + 4 <= file.len; pos += 4)
		{
			for (j = 0; j < countof(values); j++)
			{
				copy = chunk_clone(file);
				memcpy(copy.ptr + pos, &values[j], 4);
				count_packets(copy);
			}
		}
		free(file.ptr);
	}
	getrusage(RUSAGE_SELF, &after);
	/* KiB: a length never decides on memory */
	assert_true(after.ru_maxrss - before.ru_maxrss < 300 * 1024);
}

/**
 * Interfaces without number, of which memory would be taken.
 */
static void test_interfaces(void **state)
{
	chunk_t block = chunk_empty, file = chunk_empty, many;
	int i, count = 70000;

	swapped = FALSE;
	put_section(&file);
	put_interface(&block, LINKTYPE_RAW, 0, 0, 0);
	many = chunk_alloc(block.len * count);
	for (i = 0; i < count; i++)
	{
		memcpy(many.ptr + i * block.len, block.ptr, block.len);
	}
	free(block.ptr);
	file = chunk_cat("mm", file, many);
	put_packet(&file, 6, 0, TIME, inner);
	assert_int_equal(count_packets(file), 0);
	/* a packet of an interface that was not described, or only before this section */
	file = chunk_empty;
	put_section(&file);
	put_packet(&file, 6, 0, TIME, inner);
	assert_int_equal(count_packets(file), 0);
	file = chunk_empty;
	put_section(&file);
	put_interface(&file, LINKTYPE_RAW, 0, 0, 0);
	put_packet(&file, 6, 0, TIME, inner);
	put_section(&file);
	put_packet(&file, 6, 0, TIME, inner);
	assert_int_equal(count_packets(file), -1);
}

/**
 * Random damage.
 */
static void test_damaged(void **state)
{
	chunk_t samples[4];
	int i;

	for (i = 0; i < countof(samples); i++)
	{
		swapped = i % 2;
		samples[i] = create_sample(i / 2);
	}
	srand(1);
	for (i = 0; i < 5000; i++)
	{
		chunk_t copy = chunk_clone(samples[i % countof(samples)]);

		damage(copy);
		count_packets(copy);
	}
	for (i = 0; i < countof(samples); i++)
	{
		free(samples[i].ptr);
	}
}

#ifdef HAVE_ZLIB

/**
 * Compress a file, which gets freed.
 */
static chunk_t compress_file(chunk_t file)
{
	z_stream stream = {};
	chunk_t out = chunk_alloc(file.len + 1000);

	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9,
								  Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = file.ptr;
	stream.avail_in = file.len;
	stream.next_out = out.ptr;
	stream.avail_out = out.len;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	out.len -= stream.avail_out;
	deflateEnd(&stream);
	chunk_free(&file);
	return out;
}

/**
 * Compressed files, in one piece and several, that end anywhere, and that are damaged.
 */
static void test_gzip(void **state)
{
	chunk_t file, copy, large;
	size_t len;
	int i;

	for (i = 0; i < 4; i++)
	{
		swapped = i % 2;
		file = compress_file(create_sample(i / 2));
		assert_int_equal(count_packets(chunk_clone(file)), i / 2 ? 3 : 2);
		/* padding, as on tapes */
		assert_int_equal(count_packets(chunk_cat("cc", file,
							chunk_from_chars(0, 0, 0))), i / 2 ? 3 : 2);
		for (len = 1; len < file.len; len++)
		{
			assert_true(count_packets(chunk_clone(chunk_create(file.ptr, len))) <= 0);
		}
		srand(1);
		for (len = 0; len < 1000; len++)
		{
			copy = chunk_clone(file);
			damage(copy);
			count_packets(copy);
		}
		free(file.ptr);
	}
	/* two files, one after the other, that begin and end within a packet */
	swapped = FALSE;
	file = create_sample(FALSE);
	copy = compress_file(chunk_clone(chunk_create(file.ptr, 50)));
	large = compress_file(chunk_clone(chunk_skip(file, 50)));
	free(file.ptr);
	assert_int_equal(count_packets(chunk_cat("mm", copy, large)), 2);
	/* what compresses to little takes no memory */
	file = create_sample(TRUE);
	large = chunk_alloc(100 * 1024 * 1024);
	memset(large.ptr, 0, large.len);
	put_block(&file, 0x0bad, large);
	assert_int_equal(count_packets(compress_file(file)), 3);
}

#endif /* HAVE_ZLIB */

/**
 * Get the bytes that are allocated, by the sanitizer if there is one.
 */
size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

static size_t get_allocated()
{
	return __sanitizer_get_current_allocated_bytes
				? __sanitizer_get_current_allocated_bytes() : mallinfo2().uordblks +
															  mallinfo2().hblkhd;
}

/**
 * Traces that are closed need little memory.
 */
static void test_closed(void **state)
{
	chunk_t file = chunk_empty;
	trace_t *traces[100];
	char path[PATH_MAX];
	size_t before;
	int i;

	put_pcap(&file, 0xa1b2c3d4, LINKTYPE_RAW);
	snprintf(path, sizeof(path), "%s/closed", dir);
	assert_true(chunk_write(file, path, 0600, TRUE));
	chunk_free(&file);
	before = get_allocated();
	for (i = 0; i < countof(traces); i++)
	{
		traces[i] = trace_create(path);
		assert_non_null(traces[i]);
		traces[i]->close(traces[i]);
	}
	assert_true(get_allocated() - before < countof(traces) * 8192);
	for (i = 0; i < countof(traces); i++)
	{
		traces[i]->destroy(traces[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcap),
		cmocka_unit_test(test_nflog),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_other),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_damaged),
#ifdef HAVE_ZLIB
		cmocka_unit_test(test_gzip),
#endif
		cmocka_unit_test(test_closed),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
