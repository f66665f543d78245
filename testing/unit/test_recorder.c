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
 * What a recorder saves when something happens: which packets, keys and words, how often,
 * and within which budget.
 */

#define _GNU_SOURCE

#include "clock.h"
#include "held.h"
#include "recorder/key_rows.h"
#include "process/secret.h"

#include <sys/statvfs.h>

/** name of another trace */
#define OTHER "net.20261123T202346Z.00000003-00000004.esp"

/** seconds by which triggers are later */
static u_int later;

static void set_option(char *name, char *value)
{
	char key[128];

	snprintf(key, sizeof(key), "charon.plugins.nflog-capture.%s", name);
	lib->settings->set_str(lib->settings, key, value);
}

static int begin_recorder(void **state)
{
	if (create_recorder(state, "64m") != 0)
	{
		return -1;
	}
	set_option("recorder_interval", NULL);
	set_option("recorder_total", NULL);
	later = 0;
	ahead = 0;
	return 0;
}

/**
 * Begin a trace of the recorder.
 */
static void begin_trace(char *conn, char *name, u_int after)
{
	nflog_cfg_t cfg = {
		.link = LINK_RAW,
		.recorder = HELD,
		.recorder_after = after,
	};

	trace = nflog_trace_create(store, conn, "net{1}", POINT_ESP_IN, &cfg);
	trace->set_name(trace, name);
	trace->set_recorder(trace, recorder);
	trace->start(trace);
}

static void end_trace()
{
	trace->end(trace);
	trace->destroy(trace);
	trace = NULL;
}

static void trigger(char *conn, nflog_cause_t cause)
{
	nflog_trigger_t trigger = {
		.conn = conn,
		.cause = cause,
		.detail = "a \033[31mdetail",
		.time = { .tv_sec = 1700000000 + later, .tv_usec = 5000 },
	};

	recorder->trigger(recorder, &trigger);
	recorder->work(recorder);
}

/**
 * Complete the folders that are due, or all.
 */
static void complete(bool all)
{
	timeval_t until;

	if (all)
	{
		time_monotonic(&until);
		until.tv_sec += 1000000;
		recorder->handle(recorder, &until);
		assert_false(recorder->is_busy(recorder));
	}
	else if (recorder->get_mark(recorder, &until))
	{
		recorder->handle(recorder, &until);
	}
}

/**
 * Get the names of all folders, in order, separated by blanks.
 */
static char *get_folders()
{
	static char names[4096];
	char path[PATH_MAX];
	struct dirent **list;
	int i, count;

	names[0] = '\0';
	snprintf(path, sizeof(path), "%s/saved", captures);
	count = scandir(path, &list, NULL, alphasort);
	for (i = 0; i < count; i++)
	{
		if (list[i]->d_name[0] != '.')
		{
			strcat(names, *names ? " " : "");
			strcat(names, list[i]->d_name);
		}
		free(list[i]);
	}
	if (count >= 0)
	{
		free(list);
	}
	return names;
}

/**
 * Get the content of a file in a folder, empty if there is none.
 */
static char *get_content(char *folder, char *name)
{
	static char content[65536];
	char path[PATH_MAX];
	FILE *file;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/saved/%s/%s", captures, folder, name);
	file = fopen(path, "r");
	if (file)
	{
		len = fread(content, 1, sizeof(content) - 1, file);
		fclose(file);
	}
	content[len] = '\0';
	return content;
}

/**
 * Count the packets in a folder, and get the first and the last one.
 */
static u_int count_packets(char *folder, uint32_t *first, uint32_t *last)
{
	char dir[PATH_MAX], file[PATH_MAX + NAME_MAX], errbuf[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	struct dirent *entry;
	const u_char *data;
	u_int count = 0;
	pcap_t *pcap;
	DIR *d;

	*first = UINT32_MAX;
	*last = 0;
	snprintf(dir, sizeof(dir), "%s/saved/%s", captures, folder);
	d = opendir(dir);
	assert_non_null(d);
	while ((entry = readdir(d)))
	{
		if (!strstr(entry->d_name, ".pcap"))
		{
			continue;
		}
		snprintf(file, sizeof(file), "%s/%s", dir, entry->d_name);
		pcap = pcap_open_offline(file, errbuf);
		assert_non_null(pcap);
		while (pcap_next_ex(pcap, &hdr, &data) == 1)
		{
			*first = min(*first, *(uint32_t*)data);
			*last = max(*last, *(uint32_t*)data);
			count++;
		}
		pcap_close(pcap);
	}
	closedir(d);
	return count;
}

/**
 * What is held, and what follows, but nothing else, and the rows of these SAs.
 */
static void test_saved(void **state)
{
	char *folder = "gw.20231114T221320Z.no-answer", *text;
	char *keys = "# comment\nesp 00000001 a b enc_key=11\nesp 00000009 a b enc_key=00000001f\n",
		 *sa = "\"IPv4\",\"a\",\"b\",\"0x00000002\",\"AES\"\n"
			   "\"IPv4\",\"a\",\"b\",\"0x00000003\",\"AES\"\n";
	uint32_t first, last;
	struct stat st;
	char file[PATH_MAX];

	begin_trace("gw", NAME, 10);
	assert_int_equal(write_packets(3000), 3000);
	assert_true(store->replace_file(store, "gw", "keys", chunk_from_str(keys)));
	assert_true(store->replace_file(store, "gw", "esp_sa", chunk_from_str(sa)));
	assert_true(store->replace_file(store, "gw", "preferences", chunk_from_str("x: y\n")));
	lines = 0;
	trigger("gw", CAUSE_NO_ANSWER);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "saving what the recorder of connection 'gw' holds"));
	/* the ring goes on */
	assert_int_equal(write_packets(500), 500);
	trigger("gw", CAUSE_DELETED);
	complete(FALSE);
	assert_true(recorder->is_busy(recorder));
	assert_in_range(recorder->get_delay(recorder), 5000, 10000);
	complete(TRUE);
	assert_non_null(strstr(line, "saved"));
	assert_non_null(strstr(line, folder));
	/* this is not of it */
	assert_int_equal(write_packets(500), 500);
	assert_string_equal(get_folders(), folder);
	count_packets(folder, &first, &last);
	assert_int_equal(last, 3499);
	assert_in_range(first, 3000 - HELD / (PACKET_LEN + 16),
					3000 - HELD * 7 / 8 / (PACKET_LEN + 16) + 65);

	assert_string_equal(get_content(folder, "keys"), "# comment\nesp 00000001 a b enc_key=11\n");
	assert_string_equal(get_content(folder, "esp_sa"),
						"\"IPv4\",\"a\",\"b\",\"0x00000002\",\"AES\"\n");
	assert_string_equal(get_content(folder, "preferences"), "x: y\n");
	snprintf(file, sizeof(file), "%s/saved/%s/keys", captures, folder);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(file, sizeof(file), "%s/saved/%s", captures, folder);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	text = get_content(folder, "summary.txt");
	assert_non_null(strstr(text, "Connection gw: the peer does not answer\n"));
	assert_non_null(strstr(text, "2023-11-14 22:13:20.005 the peer does not answer: a ?[31mdetail"));
	assert_non_null(strstr(text, "the peer deleted a CHILD_SA"));
	assert_non_null(strstr(text, "CHILD_SA net, SPIs 00000001 in and 00000002 out, ESP"));
	end_trace();
}

/**
 * A tunnel that flaps, and triggers that anybody can cause.
 */
static void test_interval(void **state)
{
	begin_trace("gw", NAME, 0);
	write_packets(10);
	trigger("gw", CAUSE_DELETED);
	complete(FALSE);
	lines = 0;
	trigger("gw", CAUSE_DELETED);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "recorder_interval"));
	trigger("gw", CAUSE_NO_ANSWER);
	assert_int_equal(lines, 1);
	complete(FALSE);
	assert_string_equal(get_folders(), "gw.20231114T221320Z.deleted");
	/* the next folder counts them */
	set_option("recorder_interval", "0");
	trigger("gw", CAUSE_REKEYING);
	complete(FALSE);
	assert_string_equal(get_folders(), "gw.20231114T221320Z.deleted "
						"gw.20231114T221320Z.rekeying");
	assert_non_null(strstr(get_content("gw.20231114T221320Z.rekeying", "summary.txt"),
						   "on 2 triggers"));
	/* with an interval, those of strangers wait longer: as if it was 61 s ago */
	set_option("recorder_interval", "1000000");
	trigger("gw", CAUSE_PROPOSAL);
	assert_false(recorder->is_busy(recorder));
	/* unless it is requested */
	trigger("gw", CAUSE_REQUESTED);
	assert_true(recorder->is_busy(recorder));
	complete(FALSE);
	assert_non_null(strstr(get_folders(), "requested"));
	end_trace();
}

/**
 * Others of the same connection, of another one, and of none.
 */
static void test_others(void **state)
{
	nflog_trigger_t new = {
		.conn = "new/one",
		.cause = CAUSE_AUTHENTICATION,
		.size = HELD,
		.time = { .tv_sec = 1700000000 },
	};

	begin_trace("gw", NAME, 0);
	write_packets(10);
	trigger("other", CAUSE_DELETED);
	assert_false(recorder->is_busy(recorder));
	assert_string_equal(get_folders(), "");
	/* nothing was captured so far, the failed IKE_SA may still be */
	recorder->trigger(recorder, &new);
	recorder->work(recorder);
	assert_true(recorder->is_busy(recorder));
	/* a cause that needs credentials comes before one that does not */
	trigger("new/one", CAUSE_DELETED);
	complete(TRUE);
	assert_non_null(strstr(get_folders(), "new_one~"));
	assert_non_null(strstr(get_folders(), ".deleted"));
	assert_non_null(strstr(get_content(get_folders(), "summary.txt"),
						   "nothing, no packet was captured"));
	end_trace();
}

/**
 * Folders stay within their budget, those of strangers go first, and what others left in
 * the directory stays.
 */
static void test_total(void **state)
{
	char path[PATH_MAX];
	u_int i;

	set_option("recorder_interval", "0");
	set_option("recorder_total", "5m");
	begin_trace("gw", NAME, 0);
	write_packets(2000);
	trigger("gw", CAUSE_DELETED);
	complete(TRUE);
	snprintf(path, sizeof(path), "%s/saved/mine", captures);
	assert_int_equal(mkdir(path, 0700), 0);
	trigger("gw", CAUSE_PROPOSAL);
	complete(TRUE);
	assert_string_equal(get_folders(), "gw.20231114T221320Z.deleted "
						"gw.20231114T221320Z.proposal mine");
	for (i = 0; i < 2; i++, later++)
	{	/* 1 MiB each, and as much reserved for what follows */
		write_packets(2000);
		trigger("gw", CAUSE_REKEYING);
		complete(TRUE);
	}
	assert_string_equal(get_folders(), "gw.20231114T221320Z.deleted "
						"gw.20231114T221320Z.rekeying gw.20231114T221321Z.rekeying mine");
	for (i = 0; i < 5; i++, later++)
	{
		write_packets(2000);
		trigger("gw", CAUSE_NO_ANSWER);
		complete(TRUE);
	}
	assert_null(strstr(get_folders(), "rekeying"));
	assert_non_null(strstr(get_folders(), "mine"));
	/* what is saved right now can't go */
	set_option("recorder_total", "1m");
	trigger("gw", CAUSE_EXPIRED);
	write_packets(2000);
	complete(TRUE);
	assert_non_null(strstr(get_content("gw.20231114T221327Z.expired", "summary.txt"),
						   "no more space for this folder"));
	end_trace();
}

/**
 * Is there a row in a table of the connection?
 */
static bool has_row(char *spi)
{
	chunk_t content;
	bool found;

	assert_true(store->read_file(store, "gw", "esp_sa", &content));
	found = memmem(content.ptr, content.len, spi, strlen(spi)) != NULL;
	nflog_secret_clear(&content);
	return found;
}

/**
 * Remove rows of SAs that are needed no longer.
 */
static void prune()
{
	ahead += 301;
	keys->prune(keys, "gw");
	keys->flush(keys);
}

/**
 * Keys stay while files need them, or while a trace is running, whatever files it has.
 */
static void test_keys(void **state)
{
	char *folder = "gw.20231114T221320Z.deleted";
	nflog_trace_t *idle;

	begin_trace("gw", NAME, 3600);
	write_packets(10);
	add_spi("gw", 1);
	add_spi("gw", 0x99);
	keys->flush(keys);
	idle = trace;
	begin_trace("gw", OTHER, 3600);
	add_spi("gw", 3);
	keys->flush(keys);
	/* the files of the other one leave the tape, but it may go on */
	assert_int_equal(write_packets(1500), 1500);
	prune();
	assert_true(has_row("0x00000001"));
	assert_true(has_row("0x00000003"));
	assert_false(has_row("0x00000099"));
	idle->end(idle);
	idle->destroy(idle);
	prune();
	assert_false(has_row("0x00000001"));
	trigger("gw", CAUSE_DELETED);
	assert_non_null(strstr(get_content(folder, "esp_sa"), "0x00000003"));
	assert_non_null(strstr(get_content(folder, "summary.txt"), "is being filled"));
	/* an SA that is replaced and leaves the tape before the folder is complete */
	end_trace();
	begin_trace("gw", NAME, 3600);
	assert_int_equal(write_packets(1500), 1500);
	add_spi("gw", 1);
	keys->flush(keys);
	prune();
	complete(TRUE);
	assert_non_null(strstr(get_content(folder, "esp_sa"), "0x00000003"));
	assert_non_null(strstr(get_content(folder, "esp_sa"), "0x00000001"));
	assert_null(strstr(get_content(folder, "summary.txt"), "is being filled"));
	assert_null(strstr(get_content(folder, "esp_sa"), "0x00000099"));
	prune();
	assert_false(has_row("0x00000003"));
	end_trace();
}

/**
 * Let the disk be full, or not.
 */
static void fill_disk(bool full)
{
	struct statvfs st;
	char options[64];

	assert_int_equal(statvfs(captures, &st), 0);
	snprintf(options, sizeof(options), "size=%llu,mode=0700", full ? (unsigned long long)
			 (st.f_blocks - st.f_bfree) * st.f_frsize : 64ULL << 20);
	assert_int_equal(mount("none", captures, "tmpfs", MS_REMOUNT, options), 0);
}

/**
 * A folder is not said to be saved before it is complete, which is tried again.
 */
static void test_disk_full(void **state)
{
	char *folder = "gw.20231114T221320Z.no-answer";
	timeval_t until;

	begin_trace("gw", NAME, 10);
	write_packets(100);
	trigger("gw", CAUSE_NO_ANSWER);
	assert_true(access(path("../saved/gw.20231114T221320Z.no-answer/incomplete"), F_OK) == 0);
	fill_disk(TRUE);
	ahead += 11;
	lines = 0;
	complete(FALSE);
	assert_non_null(strstr(line, "unable to complete folder"));
	assert_true(recorder->is_busy(recorder));
	assert_true(access(path("../saved/gw.20231114T221320Z.no-answer/incomplete"), F_OK) == 0);
	/* what was there at first is there still */
	assert_non_null(strstr(get_content(folder, "summary.txt"), "is being filled"));
	/* nothing is added anymore, and it is tried again after a while */
	assert_false(recorder->get_mark(recorder, &until));
	trigger("gw", CAUSE_DELETED);
	assert_non_null(strstr(line, "could not be completed yet"));
	fill_disk(FALSE);
	ahead += 31;
	complete(FALSE);
	assert_non_null(strstr(line, "saved 1 files"));
	assert_false(recorder->is_busy(recorder));
	assert_int_equal(access(path("../saved/gw.20231114T221320Z.no-answer/incomplete"), F_OK),
					 -1);
	assert_null(strstr(get_content(folder, "summary.txt"), "is being filled"));
	/* if somebody removes it, it is not saved */
	set_option("recorder_interval", "0");
	trigger("gw", CAUSE_EXPIRED);
	common_remove("captures/saved/*");
	complete(TRUE);
	assert_non_null(strstr(line, "stays incomplete: it was removed"));
	end_trace();
}

/**
 * A folder that was not complete when charon was killed.
 */
static void test_killed(void **state)
{
	char *folder = "gw.20231114T221320Z.deleted", *made;

	begin_trace("gw", NAME, 10);
	write_packets(10);
	add_spi("gw", 1);
	keys->flush(keys);
	made = path("../saved");
	assert_int_equal(mkdir(made, 0700), 0);
	made = path("../saved/gw.20231114T221320Z.deleted");
	assert_int_equal(mkdir(made, 0700), 0);
	close(open(path("../saved/gw.20231114T221320Z.deleted/incomplete"), O_CREAT, 0600));
	close(open(path("../saved/gw.20231114T221320Z.deleted/" NAME ".0.pcap"), O_CREAT, 0600));
	close(open(path("../saved/gw.20231114T221320Z.deleted/.keys.01234567.tmp"), O_CREAT,
			   0600));
	lines = 0;
	recorder->work(recorder);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "completed 1 folders"));
	lines = 0;
	recorder->work(recorder);
	assert_int_equal(lines, 0);
	assert_int_equal(access(path("../saved/gw.20231114T221320Z.deleted/incomplete"), F_OK), -1);
	assert_int_equal(access(path("../saved/gw.20231114T221320Z.deleted/.keys.01234567.tmp"),
							F_OK), -1);
	assert_non_null(strstr(get_content(folder, "esp_sa"), "0x00000001"));
	assert_non_null(strstr(get_content(folder, "summary.txt"),
						   "Connection gw: the peer deleted a CHILD_SA"));
	assert_non_null(strstr(get_content(folder, "summary.txt"), "could not be completed"));
	end_trace();
}

/**
 * What anybody can cause makes no others go, delays none, and hides none.
 */
static void test_open(void **state)
{
	char *summary;
	u_int i;

	begin_trace("gw", NAME, 0);
	write_packets(10);
	trigger("gw", CAUSE_INVALID_SPI);
	complete(TRUE);
	trigger("gw", CAUSE_NO_ANSWER);
	complete(TRUE);
	assert_non_null(strstr(get_folders(), "no-answer"));
	/* but this one is too soon for both */
	trigger("gw", CAUSE_INVALID_SPI);
	assert_false(recorder->is_busy(recorder));
	end_trace();
	/* a flood, the cause that matters, and as long after that as usual */
	begin_trace("other", OTHER, 10);
	write_packets(10);
	for (i = 0; i < 100; i++)
	{
		trigger("other", CAUSE_INVALID_SPI);
	}
	ahead += 9;
	trigger("other", CAUSE_EXPIRED);
	assert_in_range(recorder->get_delay(recorder), 5000, 10000);
	complete(TRUE);
	summary = get_content("other.20231114T221320Z.expired", "summary.txt");
	assert_non_null(strstr(summary, "Connection other: an SA reached the end of its lifetime"));
	assert_non_null(strstr(summary, "20.005 an SA reached the end of its lifetime"));
	/* it counts, so the next one is too soon */
	trigger("other", CAUSE_DELETED);
	assert_false(recorder->is_busy(recorder));
	end_trace();
}

static void test_open_total(void **state)
{
	u_int i;

	set_option("recorder_interval", "0");
	set_option("recorder_total", "5m");
	begin_trace("gw", NAME, 0);
	for (i = 0; i < 3; i++, later++)
	{
		write_packets(2000);
		trigger("gw", CAUSE_DELETED);
		complete(TRUE);
	}
	for (i = 0; i < 4; i++, later++)
	{
		trigger("gw", CAUSE_INVALID_SPI);
		ahead += 11;
		complete(TRUE);
	}
	assert_non_null(strstr(get_folders(), "gw.20231114T221320Z.deleted "
						   "gw.20231114T221321Z.deleted gw.20231114T221322Z.deleted"));
	end_trace();
}

/**
 * More connections at once than folders are filled: all get theirs, but not those of strangers.
 */
static void test_many(void **state)
{
	char name[16], *folders;
	timeval_t until;
	u_int i, count = 0;

	for (i = 0; i < 40; i++)
	{
		snprintf(name, sizeof(name), "c%u", i);
		recorder->get_tape(recorder, name, HELD, 1);
	}
	lines = 0;
	for (i = 0; i < 40; i++)
	{
		snprintf(name, sizeof(name), "c%u", i);
		trigger(name, i < 20 ? CAUSE_INVALID_SPI : CAUSE_NO_ANSWER);
	}
	/* not a line for each connection that gets none at once */
	assert_int_equal(lines, NFLOG_RECORDER_FOLDERS + 1);
	time_monotonic(&until);
	for (i = 0; i < 5; i++)
	{
		until.tv_sec += 1000;
		recorder->handle(recorder, &until);
	}
	assert_false(recorder->is_busy(recorder));
	for (folders = get_folders(); (folders = strstr(folders, "no-answer")); folders++)
	{
		count++;
	}
	assert_int_equal(count, 20);
	for (folders = get_folders(), count = 0; (folders = strstr(folders, "invalid-spi"));
		 folders++)
	{
		count++;
	}
	assert_int_equal(count, NFLOG_RECORDER_FOLDERS / 2);
}

/**
 * The newest packets are saved if there is little space, and small files take no more than
 * they have.
 */
static void test_space(void **state)
{
	char *folder = "gw.20231114T221320Z.no-answer", name[sizeof(OTHER)];
	nflog_trace_t *first;
	uint32_t from, to;
	u_int i;

	set_option("recorder_total", "512k");
	begin_trace("gw", NAME, 10);
	write_packets(3000);
	lines = 0;
	trigger("gw", CAUSE_NO_ANSWER);
	assert_int_equal(lines, 2);
	complete(TRUE);
	count_packets(folder, &from, &to);
	assert_int_equal(to, 2999);
	assert_non_null(strstr(get_content(folder, "summary.txt"), "files are not here"));
	set_option("recorder_total", NULL);
	set_option("recorder_interval", "0");
	later++;
	trigger("gw", CAUSE_REKEYING);
	first = trace;
	for (i = 0; i < 100; i++)
	{
		snprintf(name, sizeof(name), "net.20261123T202346Z.%.8x-%.8x.esp", i + 16, i + 16);
		begin_trace("gw", name, 10);
		write_packets(1);
		end_trace();
	}
	trace = first;
	complete(TRUE);
	assert_null(strstr(get_content("gw.20231114T221321Z.rekeying", "summary.txt"),
					   "files are not here"));
	end_trace();
}

/**
 * What others put into folders goes with these, and what stands in their way is said once it
 * is tried again.
 */
static void test_foreign(void **state)
{
	char *saved = path("../saved"), link[PATH_MAX], profile[PATH_MAX];
	u_int i;

	snprintf(link, sizeof(link), "%s", saved);
	begin_trace("gw", NAME, 0);
	write_packets(2000);
	assert_int_equal(symlink("/tmp", link), 0);
	trigger("gw", CAUSE_NO_ANSWER);
	assert_int_equal(unlink(link), 0);
	trigger("gw", CAUSE_NO_ANSWER);
	assert_non_null(strstr(line, "no folder could be created a moment ago"));
	ahead += 11;
	trigger("gw", CAUSE_NO_ANSWER);
	complete(TRUE);
	assert_string_equal(get_folders(), "gw.20231114T221320Z.no-answer");
	snprintf(profile, sizeof(profile), "mkdir -p %s/gw.20231114T221320Z.no-answer/profiles/a && "
			 "touch %s/gw.20231114T221320Z.no-answer/profiles/a/recent", link, link);
	assert_int_equal(system(profile), 0);
	set_option("recorder_interval", "0");
	set_option("recorder_total", "4m");
	for (i = 0; i < 3; i++)
	{
		later++;
		write_packets(2000);
		trigger("gw", CAUSE_EXPIRED);
		complete(TRUE);
	}
	assert_null(strstr(get_folders(), "no-answer"));
	assert_non_null(strstr(get_folders(), "22Z.expired"));
	assert_non_null(strstr(get_folders(), "23Z.expired"));
	end_trace();
}

/**
 * Requests wait for their folders.
 */
static void test_request(void **state)
{
	uint64_t number;
	char *paths;

	begin_trace("gw", NAME, 0);
	write_packets(10);
	number = recorder->request(recorder, NULL, "why");
	assert_false(recorder->wait(recorder, number, 1, &paths));
	recorder->work(recorder);
	assert_false(recorder->wait(recorder, number, 1, &paths));
	complete(FALSE);
	assert_true(recorder->wait(recorder, number, 1, &paths));
	assert_non_null(strstr(paths, ".requested"));
	free(paths);
	number = recorder->request(recorder, "unknown", NULL);
	recorder->work(recorder);
	assert_true(recorder->wait(recorder, number, 1, &paths));
	assert_string_equal(paths, "");
	free(paths);
	/* triggers are bounded, requests are not lost */
	for (number = 0; number < 1000; number++)
	{
		nflog_trigger_t trigger = { .conn = "gw" };

		recorder->trigger(recorder, &trigger);
	}
	number = recorder->request(recorder, "gw", NULL);
	lines = 0;
	recorder->work(recorder);
	complete(TRUE);
	assert_true(recorder->wait(recorder, number, 1, &paths));
	assert_non_null(strstr(paths, ".requested"));
	free(paths);
	end_trace();
}

/**
 * Rows are selected by words, whatever is in the table.
 */
static void test_rows(void **state)
{
	hashtable_t *spis = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	chunk_t rows;
	char *table = "# c\n00000001\nx 0X0000000A,\nesp 100000001 00000001a\n\n"
				  "0123456789abcdef,0\n,0123456789ABCDEF";

	spis->put(spis, "00000001", "");
	spis->put(spis, "0000000a", "");
	spis->put(spis, "0123456789abcdef", "");
	rows = nflog_key_rows_select(chunk_from_str(table), spis);
	assert_int_equal(rows.len, strlen("# c\n00000001\nx 0X0000000A,\n0123456789abcdef,0\n"
									  ",0123456789ABCDEF"));
	nflog_secret_clear(&rows);
	rows = nflog_key_rows_select(chunk_empty, spis);
	assert_int_equal(rows.len, 0);
	nflog_secret_clear(&rows);
	spis->destroy(spis);
}

/**
 * Get the mode of a file in a folder.
 */
static mode_t get_mode(char *folder, char *name)
{
	char file[PATH_MAX];
	struct stat st;

	snprintf(file, sizeof(file), "%s/saved/%s/%s", captures, folder, name);
	assert_int_equal(lstat(file, &st), 0);
	return st.st_mode & 07777;
}

/**
 * A group that may read traces can enter a folder, and read all but keys in it, whatever the
 * umask is.
 */
static void test_group(void **state)
{
	char *folder = "gw.20231114T221320Z.no-answer";
	mode_t mask = umask(0777);

	set_option("group_read", "daemon");
	begin_trace("gw", NAME, 10);
	assert_int_equal(write_packets(10), 10);
	assert_true(store->replace_file(store, "gw", "keys", chunk_from_str(
								"esp 00000001 a b enc_key=11\n")));
	trigger("gw", CAUSE_NO_ANSWER);
	complete(TRUE);
	umask(mask);
	set_option("group_read", NULL);
	assert_string_equal(get_folders(), folder);
	/* the entry of the group is in the access control list, and here its mask */
	assert_int_equal(get_mode(folder, "."), 0750);
	assert_int_equal(get_mode(folder, NAME ".0.pcap"), 0640);
	assert_int_equal(get_mode(folder, "summary.txt"), 0640);
	assert_int_equal(get_mode(folder, "keys"), 0600);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_saved, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_group, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_interval, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_others, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_total, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_keys, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_disk_full, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_killed, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_open, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_open_total, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_many, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_space, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_foreign, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_request, begin_recorder, end_recorder),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, setup_disk, common_teardown);
}
