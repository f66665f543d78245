/*
 * Limits on the use of the disk: which files are removed, and which are not, as this
 * process or another one writes to them, and that the limits hold at every moment.
 */

#define _GNU_SOURCE

#include "files.h"
#include "blocks.h"
#include "clock.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/** file that was released last, and whether files may be */
static char released[NAME_MAX];
static bool may_release;

/** seconds that looking at a file takes, and how many were looked at */
static int slow;
static u_int looks;

/**
 * In place of the C library's.
 */
int fstatat(int dir, const char *name, struct stat *st, int flags)
{
	ahead += slow;
	looks++;
	return syscall(SYS_newfstatat, dir, name, st, flags);
}

/** size of the file system that holds the directory */
#define DISK_OPTIONS "size=1m,nr_inodes=64,mode=0755"

/**
 * Mount a file system of its own, with blocks of 4 KiB, for the directory.
 */
static int begin_quota(void **state)
{
	char var[PATH_MAX];

	snprintf(var, sizeof(var), "%s/var", dir);
	if (mkdir(var, 0755) != 0 || mount("none", var, "tmpfs", 0, DISK_OPTIONS) != 0)
	{
		return -1;
	}
	set_min_free("0");
	may_release = TRUE;
	released[0] = '\0';
	return begin(state);
}

static int end_quota(void **state)
{
	char var[PATH_MAX];

	store->destroy(store);
	set_min_free(NULL);
	snprintf(var, sizeof(var), "%s/var", dir);
	return umount(var) == 0 && rmdir(var) == 0 ? 0 : -1;
}

static int setup_quota(void **state)
{
	return setup(state) == 0 && unshare(CLONE_NEWNS) == 0 &&
		   mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : -1;
}

/**
 * Reserve what an existing file needs to grow by some bytes, and don't write them.
 */
static bool reserve(nflog_store_t *store, uint64_t bytes)
{
	uint64_t reserved;
	bool success;

	success = store->reserve(store, 4096, 4096 + bytes, &reserved);
	assert_true(success || !reserved);
	assert_true(!success || reserved >= bytes);
	store->settle(store, reserved, 0);
	return success;
}

/**
 * Release a file that is in use.
 */
static bool release(void *name)
{
	if (!may_release)
	{
		return FALSE;
	}
	snprintf(released, sizeof(released), "%s", (char*)name);
	store->set_used(store, "gw", name, TRACE_COMPLETE);
	return TRUE;
}

/**
 * Decrypt a trace of create_trace().
 */
static void decrypt(char *conn, int i, size_t bytes)
{
	char name[NAME_MAX];

	snprintf(name, sizeof(name), "net.20261123T202345Z.%.8x-00000000.esp.decrypted.pcapng", i);
	create(conn, name, bytes);
}

static bool has_decrypted(char *conn, int i)
{
	char name[NAME_MAX];

	snprintf(name, sizeof(name), "%s/net.20261123T202345Z.%.8x-00000000.esp.decrypted.pcapng",
			 conn, i);
	return access(path(name), F_OK) == 0;
}

/** name of the trace of create_trace(0) */
static char first[] = "net.20261123T202345Z.00000000-00000000.esp.pcap";

static void test_budget(void **state)
{
	int i;

	set_max_total("108k");
	/* of other users, or not ours by its name, and so never removed */
	create("keep", "mine.pcap", 10 * 1024);
	for (i = 0; i < 8; i++)
	{	/* three blocks each */
		create_trace(i % 2 ? "odd" : "even", i, 10 * 1024);
	}
	assert_int_equal(blocks_used(captures), 108 * 1024);
	assert_string_equal(removed, "");

	/* two blocks stay free for files that begin */
	assert_true(reserve(store, 4096));
	logged(1, "removed 1 files of traces, 12288 bytes, to keep max_total = 110592, the last "
		   "one is '");
	logged(0, NULL);
	assert_string_equal(removed, "even ");
	assert_false(has_trace("even", 0));
	assert_true(has_trace("odd", 1));
	assert_int_equal(blocks_used(captures), 96 * 1024);

	/* several, reported once */
	removed[0] = '\0';
	create("keep", "another", 1024);
	assert_true(reserve(store, 9 * 4096));
	assert_true(streq(removed, "even odd ") || streq(removed, "odd even "));
	/* but not again within a minute */
	logged(0, NULL);
	assert_false(has_trace("even", 2));
	assert_false(has_trace("even", 4));
	assert_true(has_trace("odd", 5));
	assert_true(has_trace("even", 6));
	assert_true(has_trace("odd", 7));

	/* if even all were not enough, none goes */
	assert_false(reserve(store, 100 * 1024));
	logged(1, "raise max_total = 110592");
	assert_true(has_trace("odd", 5));
}

static void test_used(void **state)
{
	set_max_total("100k");
	create_trace("gw", 0, 60 * 1024);
	create_trace("gw", 1, 28 * 1024);
	store->set_used(store, "gw", first, TRACE_USED);

	/* the older one is in use, and can't be released */
	assert_true(reserve(store, 12 * 1024));
	logged(1, "00000001");
	assert_true(has_trace("gw", 0));
	assert_false(has_trace("gw", 1));
	assert_false(reserve(store, 50 * 1024));
	assert_true(has_trace("gw", 0));
	logged(1, "raise max_total = 102400");

	/* or will not be */
	store->set_release(store, "gw", first, release, first);
	may_release = FALSE;
	create_trace("gw", 2, 8 * 1024);
	assert_false(reserve(store, 50 * 1024));
	assert_true(has_trace("gw", 0));
	logged(0, NULL);
	/* it is, once that is possible */
	may_release = TRUE;
	store->set_used(store, "gw", "x", TRACE_COMPLETE);
	create_trace("gw", 4, 8 * 1024);
	assert_true(reserve(store, 50 * 1024));
	assert_string_equal(released, first);
	assert_false(has_trace("gw", 0));
	assert_true(has_trace("gw", 4));

	/* changed while running */
	create_trace("gw", 3, 60 * 1024);
	set_max_total("1m");
	assert_true(reserve(store, 900 * 1024));
	set_max_total("0");
	assert_true(reserve(store, 900 * 1024));
	assert_true(has_trace("gw", 3));
	logged(0, NULL);

	/* larger than all */
	set_max_total("10k");
	assert_false(reserve(store, 11 * 1024));
}

/**
 * What is written meanwhile is not old, one block can't be gained of a file in use.
 */
static void test_used_again(void **state)
{
	int fd;

	set_max_total("64k");
	create_trace("gw", 0, 12 * 1024);
	create_trace("gw", 1, 12 * 1024);
	create_trace("gw", 2, 12 * 1024);
	store->set_used(store, "gw", first, TRACE_USED);
	store->set_release(store, "gw", first, release, first);
	/* looks at all files */
	assert_true(reserve(store, 1024));
	fd = store->open_file(store, "gw", first, &(struct stat){});
	assert_true(fd >= 0 && write(fd, "x", 1) == 1);
	close(fd);
	assert_true(reserve(store, 24 * 1024));
	assert_string_equal(released, "");
	assert_true(has_trace("gw", 0));
	assert_false(has_trace("gw", 1));
	assert_true(has_trace("gw", 2));

	store->remove_file(store, "gw", first);
	create_trace("gw", 0, 4096);
	assert_true(reserve(store, 44 * 1024));
	assert_string_equal(released, "");
	assert_true(has_trace("gw", 0));
	assert_false(has_trace("gw", 2));
}

static void test_decrypted(void **state)
{
	set_max_total("100k");
	create_trace("gw", 0, 20 * 1024);
	create_trace("gw", 1, 20 * 1024);
	decrypt("gw", 0, 20 * 1024);
	/* its trace is gone */
	decrypt("gw", 7, 8 * 1024);
	assert_true(reserve(store, 20 * 1024));
	assert_true(has_trace("gw", 0));
	/* counted, and removed before its trace */
	assert_true(reserve(store, 36 * 1024));
	assert_false(has_decrypted("gw", 0));
	assert_true(reserve(store, 60 * 1024));
	assert_false(has_trace("gw", 0));
	assert_true(has_trace("gw", 1));
	assert_true(has_decrypted("gw", 7));
	/* or together, in a ring */
	decrypt("gw", 1, 8 * 1024);
	assert_true(store->remove_file(store, "gw",
								   "net.20261123T202345Z.00000001-00000000.esp.pcap"));
	assert_false(has_decrypted("gw", 1));
	assert_true(reserve(store, 80 * 1024));
	assert_true(has_decrypted("gw", 7));
	assert_true(reserve(store, 88 * 1024));
	assert_false(has_decrypted("gw", 7));
}

/**
 * Set when a file was written.
 */
static void set_time(char *name, time_t time)
{
	struct timeval tv[2] = { { .tv_sec = time }, { .tv_sec = time } };

	assert_int_equal(utimes(path(name), tv), 0);
}

/**
 * If the clock was set back, files of a trace are removed in their order nevertheless.
 */
static void test_clock(void **state)
{
	char name[NAME_MAX];
	int i;

	set_max_total("100k");
	for (i = 0; i < 12; i++)
	{
		snprintf(name, sizeof(name), "net.20261123T202345Z.0000000a-0000000b.esp%s%.0d.pcap",
				 i ? "." : "", i);
		create("gw", name, 4096);
		snprintf(name, sizeof(name), "gw/net.20261123T202345Z.0000000a-0000000b.esp%s%.0d"
				 ".pcap", i ? "." : "", i);
		set_time(name, i < 6 ? 1700009000 + i : 1700000000 + i);
	}
	create_trace("gw", 3, 4096);
	assert_true(reserve(store, 11 * 4096));
	assert_int_equal(count_files("gw"), 11);
	assert_int_equal(access(path("gw/net.20261123T202345Z.0000000a-0000000b.esp.pcap"), F_OK),
					 -1);
	assert_true(reserve(store, 18 * 4096));
	for (i = 1; i < 12; i++)
	{
		snprintf(name, sizeof(name), "gw/net.20261123T202345Z.0000000a-0000000b.esp.%d.pcap",
				 i);
		assert_int_equal(access(path(name), F_OK), i < 8 ? -1 : 0);
	}
}

/**
 * If looking at all files takes long, that is not done for each file that grows.
 */
static void test_slow(void **state)
{
	set_max_total("64k");
	create_trace("gw", 0, 4096);
	create_trace("gw", 1, 4096);
	slow = 2;
	looks = 0;
	assert_false(reserve(store, 100 * 1024));
	assert_true(looks > 0);
	looks = 0;
	assert_false(reserve(store, 100 * 1024));
	assert_int_equal(looks, 0);
	/* but again after a while, as others may remove some */
	ahead++;
	assert_false(reserve(store, 100 * 1024));
	assert_true(looks > 0);
	slow = 0;
}

static void test_min_free(void **state)
{
	int i;

	set_max_total("0");
	for (i = 0; i < 8; i++)
	{
		create_trace("gw", i, 64 * 1024);
	}
	/* half of the file system is left */
	set_min_free("256k");
	assert_true(reserve(store, 250 * 1024));
	assert_true(has_trace("gw", 0));
	assert_true(reserve(store, 300 * 1024));
	logged(1, "removed 1 files of traces, 65536 bytes, to keep min_free = 262144, the last");
	assert_false(has_trace("gw", 0));
	assert_true(has_trace("gw", 1));

	/* others need it */
	create("keep", "mine", 320 * 1024);
	assert_true(reserve(store, 4096));
	assert_false(has_trace("gw", 1));
	assert_true(has_trace("gw", 2));
	/* in vain */
	create("keep", "more", 200 * 1024);
	set_min_free("900k");
	assert_false(reserve(store, 4096));
	logged(1, "min_free keeps 921600");
	assert_true(has_trace("gw", 7));

	/* the default is a twentieth, 51 KiB here */
	set_min_free(NULL);
	assert_true(reserve(store, 60 * 1024));
	assert_true(has_trace("gw", 7));
	set_min_free("0");
	assert_true(reserve(store, 60 * 1024));
}

/**
 * Create a trace that has another name elsewhere, as what a recorder saved.
 */
static void create_linked(int i, size_t bytes)
{
	char name[PATH_MAX], other[PATH_MAX];

	create_trace("gw", i, bytes);
	snprintf(name, sizeof(name), "%s/gw/net.20261123T202345Z.%.8x-00000000.esp.pcap",
			 captures, i);
	snprintf(other, sizeof(other), "%s/var/%d", dir, i);
	assert_int_equal(link(name, other), 0);
}

/**
 * What has other names is not removed in vain, as that frees nothing on the disk.
 */
static void test_linked(void **state)
{
	int i;

	set_max_total("0");
	set_min_free("256k");
	for (i = 0; i < 6; i++)
	{
		create_linked(i, 64 * 1024);
	}
	create_trace("gw", 6, 64 * 1024);
	create_trace("gw", 7, 64 * 1024);
	assert_true(reserve(store, 300 * 1024));
	assert_true(has_trace("gw", 0));
	assert_false(has_trace("gw", 6));
	assert_true(has_trace("gw", 7));
	/* all that frees something is not enough */
	ahead += 60;
	assert_false(reserve(store, 450 * 1024));
	assert_true(has_trace("gw", 7));
	/* the budget gets their blocks */
	set_min_free("0");
	set_max_total("256k");
	ahead += 60;
	assert_true(reserve(store, 4096));
	assert_false(has_trace("gw", 0));
	assert_true(blocks_used(captures) <= 256 * 1024);
}

/**
 * What others put in place of traces and directories is neither followed, opened, nor removed,
 * but for the names of ours.
 */
static void test_planted(void **state)
{
	char long_name[NAME_MAX + 1], *others[] = {
		"gw/net.20261123T202345Z.000000aa-00000000.esp.pcap",
		"gw/net.20261123T202345Z.000000ab-00000000.esp.pcap",
		"gw/net.20261123T202345Z.000000ac-00000000.esp.99999999999999999999.pcap",
	};
	char outside[PATH_MAX], file[PATH_MAX * 2];
	struct stat st;
	int i;

	set_max_total("256k");
	create_trace("gw", 0, 4096);
	snprintf(outside, sizeof(outside), "%s/var/outside", dir);
	assert_int_equal(mkdir(outside, 0700), 0);
	snprintf(file, sizeof(file), "%s/net.20261123T202345Z.000000aa-00000000.esp.pcap",
			 outside);
	close(open(file, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(symlink(file, path(others[0])), 0);
	assert_int_equal(symlink(outside, path("link")), 0);
	assert_int_equal(mkfifo(path(others[1]), 0600), 0);
	assert_int_equal(mkdir(path("gw/net.20261123T202345Z.000000ad-00000000.esp.pcap"),
						   0700), 0);
	close(open(path(others[2]), O_WRONLY | O_CREAT, 0600));
	memset(long_name, 'x', NAME_MAX);
	long_name[NAME_MAX] = '\0';
	memcpy(long_name + NAME_MAX - strlen(first) + 3, first + 3, strlen(first) - 3);
	create("gw", long_name, 10);
	for (i = 1; i < 60; i++)
	{
		/* the clock of who wrote it may be anything */
		create_trace("gw", i, 8192);
		assert_true(reserve(store, 8192));
		assert_true(blocks_used(captures) <= 256 * 1024);
		ahead += 11;
	}
	assert_int_equal(lstat(file, &st), 0);
	assert_int_equal(lstat(path(others[0]), &st), 0);
	assert_int_equal(lstat(path(others[1]), &st), 0);
	assert_int_equal(lstat(path("link"), &st), 0);
	assert_int_equal(rmdir(path("gw/net.20261123T202345Z.000000ad-00000000.esp.pcap")), 0);
	assert_true(has_trace("gw", 59));
	assert_false(has_trace("gw", 0));
}

static void test_inodes(void **state)
{
	char name[NAME_MAX];
	uint64_t reserved;
	int i;

	set_max_total("0");
	set_min_free("128k");
	/* an eighth of the inodes, too: 8 of 64, and what is no trace has four */
	store->set_used(store, "gw", first, TRACE_USED);
	store->set_used(store, "gw", first, TRACE_COMPLETE);
	for (i = 0; i < 52; i++)
	{
		create_trace("gw", i, 10);
		assert_true(reserve(store, 4096));
	}
	assert_int_equal(count_files("gw"), 52);
	for (; i < 60; i++)
	{
		assert_true(store->reserve(store, 0, 10, &reserved));
		create_trace("gw", i, 10);
		store->settle(store, reserved, 0);
		assert_int_equal(count_files("gw"), 52);
		assert_false(has_trace("gw", i - 52));
	}
	logged(1, "to keep min_free");
	/* they are not there for traces */
	for (i = 0; i < 7; i++)
	{
		snprintf(name, sizeof(name), "%d", i);
		create("gw", name, 0);
	}
	assert_true(reserve(store, 4096));
}

/**
 * Tables count, and don't exceed the budget while they are replaced.
 */
static void test_tables(void **state)
{
	chunk_t table = chunk_alloca(12 * 1024);

	memset(table.ptr, 'x', table.len);
	set_max_total("60k");
	assert_true(store->replace_file(store, "gw", "esp_sa", table));
	assert_true(store->replace_file(store, "gw", "keys", table));
	create_trace("gw", 0, 12 * 1024);
	create_trace("gw", 1, 4 * 1024);
	/* for a moment there are two of it */
	assert_true(store->replace_file(store, "gw", "esp_sa", table));
	assert_false(has_trace("gw", 0));
	assert_true(has_trace("gw", 1));
	assert_int_equal(blocks_used(captures), 28 * 1024);
	/* nothing is left to remove */
	create("gw", "mine", 16 * 1024);
	lines = 0;
	assert_false(store->replace_file(store, "gw", "preferences", table));
	logged(1, "raise max_total = 61440");
	/* one that does not grow needs no more, and the last trace has to go */
	table.len = 10;
	assert_true(store->replace_file(store, "gw", "keys", table));
	assert_int_equal(blocks_used(captures), 32 * 1024);
	set_max_total("1");
	table.len = 9;
	assert_true(store->replace_file(store, "gw", "keys", table));
	table.len = 11;
	assert_false(store->replace_file(store, "gw", "keys", table));
	assert_int_equal(blocks_used(captures), 32 * 1024);
	assert_int_equal(count_files("gw"), 3);
}

/**
 * Others remove traces, their keys have to go.
 */
static void test_removed_by_others(void **state)
{
	create_trace("gw", 0, 4096);
	create_trace("gw", 1, 4096);
	create_trace("other", 2, 4096);
	assert_true(reserve(store, 10));
	assert_true(store->remove_file(store, "gw", first));
	assert_string_equal(removed, "gw ");
	removed[0] = '\0';
	assert_int_equal(unlink(path("gw/net.20261123T202345Z.00000001-00000000.esp.pcap")), 0);
	set_max_total("1");
	assert_false(reserve(store, 10));
	assert_string_equal(removed, "gw ");
}

static void test_budget_tmp(void **state)
{
	static char *left = "gw/.esp_sa.0123abcd.tmp";
	static char *others[] = {
		".esp_sa.0123abcd.tmp.gz", ".0123abcd.tmp", ".recent.tmp", "a.0123abcd.tmp",
		/* of an editor */
		".notes.0123abcd.tmp", ".esp_sa.old.0123abcd.tmp",
	};
	nflog_store_t *other;
	struct stat st;
	int i;

	for (i = 0; i < countof(others); i++)
	{
		create("gw", others[i], 10);
	}
	/* no file, and in the directory of all */
	assert_int_equal(symlink("mine", path("gw/.keys.0123abcd.tmp")), 0);
	create(".", ".keys.0123abcd.tmp", 10);
	/* about to be renamed by another process */
	other = nflog_store_create();
	other->set_used(other, "gw", strchr(left, '/') + 1, TRACE_USED);
	create("gw", strchr(left, '/') + 1, 10);
	assert_true(reserve(store, 10));
	assert_int_equal(access(path(left), F_OK), 0);
	assert_int_equal(count_files("gw"), countof(others) + 1);
	/* and left behind as it died, however short ago */
	other->destroy(other);
	store->destroy(store);
	store = nflog_store_create();
	assert_true(reserve(store, 10));
	assert_int_equal(access(path(left), F_OK), -1);
	assert_int_equal(count_files("gw"), countof(others));
	assert_int_equal(lstat(path("gw/.keys.0123abcd.tmp"), &st), 0);
	assert_int_equal(access(path(".keys.0123abcd.tmp"), F_OK), 0);
	assert_int_equal(unlink(path(".keys.0123abcd.tmp")), 0);
}

/** text of the line that there is another process */
#define SHARED "set dir to a directory of its own"

static void test_processes(void **state)
{
	char used[] = "net.20261123T202345Z.00000000-00000000.esp.pcap";
	char next[] = "net.20261123T202345Z.00000001-00000000.esp.pcap";
	nflog_store_t *other;

	set_max_total("100k");
	store->set_used(store, "gw", used, TRACE_USED);
	create_trace("gw", 0, 40 * 1024);
	create_trace("gw", 1, 40 * 1024);
	logged(0, NULL);

	/* one that is restarted, while this one hangs */
	other = nflog_store_create();
	other->set_used(other, "gw", next, TRACE_USED);
	logged(1, SHARED);
	assert_false(reserve(other, 40 * 1024));
	logged(1, "raise max_total");
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));
	/* and this one leaves those of the other alone */
	assert_false(reserve(store, 40 * 1024));
	logged(1, "raise max_total");
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));

	/* complete ones go, whoever wrote them */
	store->set_used(store, "gw", used, TRACE_COMPLETE);
	other->set_used(other, "gw", "x", TRACE_COMPLETE);
	assert_true(reserve(other, 40 * 1024));
	assert_false(has_trace("gw", 0));
	assert_true(has_trace("gw", 1));
	lines = 0;

	/* it ends without a word */
	other->destroy(other);
	assert_true(reserve(store, 80 * 1024));
	assert_false(has_trace("gw", 1));
	logged(1, "00000001");

	/* somebody removed the directory, others know nothing of that */
	store->set_used(store, "gw", used, TRACE_USED);
	assert_int_equal(common_remove("var/*"), 0);
	store->set_used(store, "gw", next, TRACE_USED);
	create_trace("gw", 0, 40 * 1024);
	create_trace("gw", 1, 40 * 1024);
	other = nflog_store_create();
	assert_false(reserve(other, 40 * 1024));
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));
	logged(2, "raise max_total");
	other->destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_budget, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_used, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_used_again, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_decrypted, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_clock, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_slow, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_min_free, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_linked, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_planted, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_inodes, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_tables, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_removed_by_others, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_budget_tmp, begin_quota, end_quota),
		cmocka_unit_test_setup_teardown(test_processes, begin_quota, end_quota),
	};

	return cmocka_run_group_tests(tests, setup_quota, common_teardown);
}
