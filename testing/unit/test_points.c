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
 * The whole plugin, with each combination of capture points, through all that
 * happens to SAs.  charon's side is a mock, its events and calls are in the order
 * of strongSwan's tasks.  Rules and packets are those of the machine's kernel, in
 * a network namespace of its own.
 */

#define _GNU_SOURCE

#include "common.h"
#include "fates.h"
#include "process/pulse.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/wait.h>

#include <pcap/pcap.h>

/** the plugin's constructor */
plugin_t *nflog_capture_plugin_create();

/** processes that share the combinations of each test */
#define SHARES 12

/** share of the combinations that this process tries */
static u_int share;

/** TRUE if a test failed, which leaves the plugin in the middle of something */
static bool broken;

/**
 * Start or stop the plugin, as the plugin loader does.
 */
static void register_plugin(plugin_t *plugin, bool reg)
{
	plugin_feature_t *features;

	assert_true(plugin->get_features(plugin, &features) > 0);
	assert_int_equal(features->kind, FEATURE_CALLBACK);
	assert_true(features->arg.cb.f(plugin, features, reg,
								   features->arg.cb.data));
}

/**
 * Find what is logged at the end of a trace, there is one such line.
 */
static char *find_end(char *name)
{
	char *found = NULL, *end;
	u_int i;

	for (i = 0; i < log_count; i++)
	{
		end = strstr(log_lines[i], " ended: ");
		if (end && strstr(log_lines[i], name))
		{
			assert_null(found);
			found = end + strlen(" ended: ");
		}
	}
	assert_non_null(found);
	return found;
}

/**
 * Check what is logged of a capture point at the end of a trace.
 */
static void check_count(run_t *run, fate_t *fate, char *text,
						nflog_point_t point, u_int packets, size_t bytes)
{
	bool out = point == POINT_ESP_OUT || point == POINT_PLAIN_OUT;
	mock_sa_t *sa = out ? &fate->child->out : &fate->child->in;
	char expected[128], buf[512], *pos;

	pos = strchr(text, ';');
	assert_non_null(pos);
	snprintf(buf, sizeof(buf), "%.*s", out ? INT_MAX : (int)(pos - text),
			 out ? pos + 2 : text);
	packets = run->points & (1 << point) ? packets : 0;
	if (packets && run->userland &&
		(point == POINT_PLAIN_IN || point == POINT_PLAIN_OUT))
	{	/* not exact, see check_packets() */
		return;
	}
	snprintf(expected, sizeof(expected), "%N %u packets %zu bytes 0 lost",
			 nflog_point_names, point, packets, packets * bytes);
	assert_memory_equal(buf, expected, strlen(expected));

	pos = buf + strlen(expected);
	if (!(run->points & (1 << point)))
	{
		assert_string_equal(pos, "");
	}
	else if (fate->known[out])
	{
		snprintf(expected, sizeof(expected), " of %" PRIu64 " by the SA",
				 sa->packets);
		assert_memory_equal(pos, expected, strlen(expected));
	}
	else
	{
		assert_null(strstr(pos, "by the SA"));
		assert_int_equal(strstr(pos, "count of the SA not known") != NULL,
						 fate->gone);
		assert_int_equal(strstr(pos, "the SA was never installed") != NULL,
						 !fate->added[out]);
	}
}

/**
 * Check that the packets of a trace are those of a CHILD_SA.
 */
static void check_packets(run_t *run, fate_t *fate, char *path, bool plain)
{
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	u_int count[2] = {}, expected, i;
	uint32_t spi;
	pcap_t *pcap;

	pcap = pcap_open_offline(path, err);
	assert_non_null(pcap);
	assert_int_equal(pcap_datalink(pcap), DLT_RAW);
	while (pcap_next_ex(pcap, &hdr, &data) == 1)
	{
		assert_int_equal(hdr->caplen, hdr->len);
		if (plain)
		{
			assert_int_equal(traffic_get_net(data), fate->net);
			count[traffic_is_out(data)]++;
		}
		else
		{
			spi = traffic_get_spi(data);
			assert_true(spi == fate->child->in.spi ||
						spi == fate->child->out.spi);
			count[spi == fate->child->out.spi]++;
		}
	}
	pcap_close(pcap);
	for (i = 0; i < countof(count); i++)
	{
		if (plain && run->userland)
		{	/* around rekeyings, packets may be in the trace of the other SA */
			continue;
		}
		expected = plain ? fate->plain[i] : fate->esp[i];
		if (!(run->points & (1 << ((plain ? POINT_PLAIN_IN : POINT_ESP_IN) + i))))
		{
			expected = 0;
		}
		assert_int_equal(count[i], expected);
	}
}

/**
 * Find the one file with this text in its name, and count it as found.
 */
static bool find_file(mock_ike_t *ike, char *text, char path[PATH_MAX])
{
	char folder[PATH_MAX / 2];
	struct dirent *entry;
	u_int found = 0;
	DIR *handle;

	snprintf(folder, sizeof(folder), "%s/%s", dir, ike->conn);
	handle = opendir(folder);
	while (handle && (entry = readdir(handle)))
	{
		if (strstr(entry->d_name, text))
		{
			snprintf(path, PATH_MAX, "%s/%s", folder, entry->d_name);
			found++;
		}
	}
	if (handle)
	{
		closedir(handle);
	}
	assert_true(found <= 1);
	return found;
}

/**
 * Number of files in the folder of a connection.
 */
static u_int count_files(mock_ike_t *ike)
{
	char folder[PATH_MAX / 2];
	struct dirent *entry;
	u_int count = 0;
	DIR *handle;

	snprintf(folder, sizeof(folder), "%s/%s", dir, ike->conn);
	handle = opendir(folder);
	while (handle && (entry = readdir(handle)))
	{
		count += entry->d_name[0] != '.';
	}
	if (handle)
	{
		closedir(handle);
	}
	return count;
}

/**
 * Check one side of a CHILD_SA: its file, and what is logged of it.
 *
 * @return				number of files
 */
static u_int check_side(run_t *run, fate_t *fate, bool plain)
{
	char name[128], path[PATH_MAX], *end;
	mock_child_t *child = fate->child;
	nflog_point_t in = plain ? POINT_PLAIN_IN : POINT_ESP_IN;
	size_t bytes;

	snprintf(name, sizeof(name), ".%.8x-%.8x.%s", ntohl(child->in.spi),
			 ntohl(child->out.spi), plain ? "plain" : "esp");
	if (!is_captured(run, fate, plain ? PLAIN : ESP))
	{
		assert_false(find_file(child->ike, name, path));
		return 0;
	}
	assert_true(find_file(child->ike, name, path));
	check_packets(run, fate, path, plain);

	snprintf(name + strlen(name), sizeof(name) - strlen(name),
			 " of CHILD_SA net{%u} ended: ", child->id);
	end = find_end(name);
	bytes = plain ? TRAFFIC_PLAIN_LEN
				  : traffic_esp_len(child->in.dst, run->userland);
	check_count(run, fate, end, in, plain ? fate->plain[0] : fate->esp[0],
				bytes);
	check_count(run, fate, end, in + 1, plain ? fate->plain[1] : fate->esp[1],
				bytes);
	return 1;
}

/**
 * Check what is logged of the IKE_SA, its message left, maybe more than once, and
 * arrived.
 */
static void check_ike(run_t *run)
{
	char expected[128];

	snprintf(expected, sizeof(expected), "ike-in %d packets", run->points &
			 (1 << POINT_IKE_IN) ? 1 : 0);
	assert_non_null(strstr(find_end(" of IKE_SA conn["), expected));
	snprintf(expected, sizeof(expected), "ike-out %u packets", run->points &
			 (1 << POINT_IKE_OUT) ? run->ike_left : 0);
	assert_non_null(strstr(find_end(" of IKE_SA conn["), expected));
}

/**
 * Check that there are keys of those SAs only that are captured on the wire.
 *
 * @param points		capture points of the directions that have SAs
 */
static void check_keys(run_t *run, mock_ike_t *ike, u_int points)
{
	u_int i;
	char path[PATH_MAX], text[32];
	mock_child_t *child;
	chunk_t *keys, *rows;

	if (find_file(ike, "keys", path))
	{
		keys = chunk_map(path, FALSE);
		assert_non_null(keys);
		assert_int_equal(memmem(keys->ptr, keys->len, " dir=in ", 8) != NULL,
						 (points & (1 << POINT_ESP_IN)) != 0);
		assert_int_equal(memmem(keys->ptr, keys->len, " dir=out ", 9) != NULL,
						 (points & (1 << POINT_ESP_OUT)) != 0);
		chunk_unmap(keys);
	}
	if (find_file(ike, "esp_sa", path))
	{
		rows = chunk_map(path, FALSE);
		assert_non_null(rows);
		for (i = 0; i < run->count; i++)
		{
			child = run->fates[i].child;
			if (child->in.spi == child->out.spi)
			{
				continue;
			}
			snprintf(text, sizeof(text), "\"0x%.8x\"", ntohl(child->in.spi));
			assert_true(points & (1 << POINT_ESP_IN) ||
						!memmem(rows->ptr, rows->len, text, strlen(text)));
			snprintf(text, sizeof(text), "\"0x%.8x\"", ntohl(child->out.spi));
			assert_true(points & (1 << POINT_ESP_OUT) ||
						!memmem(rows->ptr, rows->len, text, strlen(text)));
		}
		chunk_unmap(rows);
	}
}

/**
 * Check all files of a connection, and all that is logged of them.
 */
static void check_conn(run_t *run, mock_ike_t *ike, bool ike_used)
{
	static const struct {
		char *name;
		u_int points;
	} tables[] = {
		{ "esp_sa",					ESP			},
		{ "ikev2_decryption_table",	IKE			},
		{ "keys",					ESP | IKE	},
		{ "preferences",			ESP | IKE	},
	};
	u_int i, files = 0, used = 0, points = run->points;
	char path[PATH_MAX];

	for (i = 0; i < run->count; i++)
	{
		if (run->fates[i].child->ike == ike)
		{
			used |= (run->fates[i].added[0] ? IN : 0) |
					(run->fates[i].added[1] ? OUT : 0);
			files += check_side(run, &run->fates[i], FALSE);
			files += check_side(run, &run->fates[i], TRUE);
		}
	}
	points &= (used & ESP) | (ike_used ? IKE : 0);
	for (i = 0; i < countof(tables); i++)
	{
		assert_int_equal(find_file(ike, tables[i].name, path),
						 (points & tables[i].points) != 0);
		files += (points & tables[i].points) != 0;
	}
	check_keys(run, ike, points);
	assert_int_equal(find_file(ike, "ike.", path), (points & IKE) != 0);
	if (points & IKE)
	{
		check_ike(run);
		files++;
	}
	assert_int_equal(count_files(ike), files);
}

/** the table, its chains for IKE messages and fragments, and the rules in these */
#define RULES (1 + 3 + 6)

/**
 * Set the options, and start the plugin.
 */
static void start(run_t *run)
{
	static char *names[] = {
		"esp-in", "esp-out", "plain-in", "plain-out", "ike-in", "ike-out",
	};
	char points[128] = "";
	u_int i;

	for (i = 0; i < countof(names); i++)
	{
		if (run->points & (1 << i))
		{
			strcat(strcat(points, *points ? ", " : ""), names[i]);
		}
	}
	lib->settings->set_str(lib->settings, "%s.plugins.nflog-capture.points",
						   points, lib->ns);
	lib->set(lib, "kernel-libipsec-tun", run->userland ? traffic_tun : NULL);
	mock_userland = run->userland;

	run->plugin = nflog_capture_plugin_create();
	assert_non_null(run->plugin);
	register_plugin(run->plugin, TRUE);
	lib->processor->set_threads(lib->processor, 4);
	/* another connection is enabled for IKE messages, so the table remains, a job
	 * adds their rules once options have been read */
	traffic_wait_for_rules(RULES);
}

/**
 * Is that no failure, or one that is due to what is done here?
 */
static bool is_expected(char *line)
{
	static char *expected[] = {
		/* a user may watch a limited number of files, on all of the machine */
		"unable to watch swanctl.conf",
		/* choose_same() and move_to() */
		"another one with this SPI and destination",
	};
	u_int i;

	for (i = 0; i < countof(expected); i++)
	{
		if (strstr(line, expected[i]))
		{
			return TRUE;
		}
	}
	return !strstr(line, "failed") && !strstr(line, "unable");
}

/**
 * In place of the plugin's own: a busy machine may take longer than it waits.
 */
bool nflog_pulse_run(void (*fn)(void *data), void *data, u_int timeout)
{
	fn(data);
	return TRUE;
}

/**
 * Run through everything.
 */
static void run_points(run_t *run)
{
	fate_t *fate;
	u_int i;

	assert_false(broken);
	broken = TRUE;
	start(run);
	run->ike = mock_ike_create("conn", 0x0123456789abcdef, run->me, run->other);
	run->ike2 = mock_ike_create("other", 0x0223456789abcdef, run->me,
								run->third);
	run->ike3 = mock_ike_create("nat", 0x0323456789abcdef, run->me, run->other);
	mock_ike_up(run->ike);
	run->ike_left = traffic_ike(run->ike->me, 0x0123456789abcdef,
								~0x0123456789abcdef);

	fate = bring_up(run, run->ike, 1);
	send_packets(run, fate);
	change(run, fate);
	fate = rekey(run, fate);
	send_packets(run, fate);
	collide(run, 2);
	refuse(run, TRUE, 3);
	refuse(run, FALSE, 4);
	lose(run, 5);
	send_packets(run, fate);
	choose_same(run, fate, 7);
	send_packets(run, fate);
	if (!run->userland && !run->late)
	{	/* rekey() uses the same SPI at the first address otherwise */
		move_to(run, fate, 8);
	}
	bring_down(run, fate);
	mock_ike_down(run->ike);

	wait_for_ends(count_traces(run));
	/* those of SPIs are removed after that */
	traffic_wait_for_rules(RULES);

	/* the plugin is unloaded, although a CHILD_SA is up */
	fate = bring_up(run, run->ike2, 6);
	send_packets(run, fate);
	fate->known[0] = fate->known[1] = FALSE;
	/* charon's threads end first */
	lib->processor->cancel(lib->processor);
	register_plugin(run->plugin, FALSE);
	run->plugin->destroy(run->plugin);
	assert_int_equal(traffic_count_rules(), 0);
	assert_ptr_equal(charon->kernel->add_sa, _mock_add_sa);
	bring_down(run, fate);

	for (i = 0; i < log_count; i++)
	{
		if (!is_expected(log_lines[i]))
		{
			fail_msg("%s", log_lines[i]);
		}
	}
	assert_int_equal(log_ends, count_traces(run));
	check_conn(run, run->ike, TRUE);
	check_conn(run, run->ike2, FALSE);
	check_conn(run, run->ike3, FALSE);

	mock_children_destroy();
	mock_ike_destroy(run->ike);
	mock_ike_destroy(run->ike2);
	mock_ike_destroy(run->ike3);
	clear_lines();
	assert_int_equal(common_remove("conn"), 0);
	assert_int_equal(common_remove("other"), 0);
	assert_int_equal(common_remove("nat"), 0);
	broken = FALSE;
}

/**
 * Try all combinations of a share.
 */
static void test_points(bool userland, ipsec_mode_t mode, bool ipv6)
{
	u_int points;

	for (points = share ?: SHARES; points <= NFLOG_WAY_POINTS; points += SHARES)
	{
		run_t run = {
			.points = points,
			.userland = userland,
			.mode = mode,
			.me = ipv6 ? "fd00::1" : "127.0.0.1",
			.other = ipv6 ? "fd00::2" : "127.0.0.2",
			.new_me = ipv6 ? "fd00::3" : "127.0.0.3",
			.new_other = ipv6 ? "fd00::4" : "127.0.0.4",
			.third = ipv6 ? "fd00::5" : "127.0.0.5",
			/* each order with each of the combinations of ESP and plain, in
			 * one of the tests at least */
			.in_first = (points ^ points >> 4 ^ ipv6) & 1,
			.destroying_first = (points >> 1 ^ points >> 5 ^ userland) & 1,
			/* also for SELinux labels or SAs of a processor in the kernel */
			.late = userland || (mode == MODE_TRANSPORT) ^ ipv6,
		};
		run_points(&run);
	}
}

static void test_kernel_tunnel_ipv4(void **state)
{
	test_points(FALSE, MODE_TUNNEL, FALSE);
}

static void test_kernel_tunnel_ipv6(void **state)
{
	test_points(FALSE, MODE_TUNNEL, TRUE);
}

static void test_kernel_transport_ipv4(void **state)
{
	test_points(FALSE, MODE_TRANSPORT, FALSE);
}

static void test_kernel_transport_ipv6(void **state)
{
	test_points(FALSE, MODE_TRANSPORT, TRUE);
}

/* kernel-libipsec has no transport mode */

static void test_libipsec_ipv4(void **state)
{
	test_points(TRUE, MODE_TUNNEL, FALSE);
}

static void test_libipsec_ipv6(void **state)
{
	test_points(TRUE, MODE_TUNNEL, TRUE);
}

static int setup(void **state)
{
	char conf[PATH_MAX], socket[PATH_MAX + 8];

	if (common_setup(state) != 0)
	{
		return -1;
	}
	libcharon_init();
	dbg = keep_lines;
	charon->bus->log = keep_bus_lines;
	mock_init();
	snprintf(conf, sizeof(conf), "%s/strongswan.conf", dir);
	/* processes of this test run side by side */
	snprintf(socket, sizeof(socket), "unix://%s/socket", dir);
	lib->settings->set_str(lib->settings, "%s.plugins.nflog-capture.socket", socket,
						   lib->ns);
	lib->settings->set_str(lib->settings, "%s.plugins.nflog-capture.dir", dir,
						   lib->ns);
	lib->settings->set_str(lib->settings, "%s.plugins.nflog-capture.enable",
						   "yes", lib->ns);
	lib->settings->set_str(lib->settings, "%s.plugins.nflog-capture.link_type",
						   "raw", lib->ns);
	/* an empty one, not the machine's */
	lib->settings->set_str(lib->settings,
						   "%s.plugins.nflog-capture.swanctl_conf", conf,
						   lib->ns);
	lib->settings->set_str(lib->settings, "%s.plugins.nflog-capture."
						   "connections.keeper.children.net.nflog-capture."
						   "points", "ike", lib->ns);
	return traffic_init() ? 0 : -1;
}

static int teardown(void **state)
{
	if (broken)
	{
		print_lines();
		common_remove("");
		_exit(1);
	}
	traffic_deinit();
	libcharon_deinit();
	return common_teardown(state);
}

/**
 * Run a test in a process and network namespace of its own.
 *
 * @return				its exit code
 */
static int run_alone(const struct CMUnitTest *test)
{
	const struct CMUnitTest tests[] = { *test };

	if (!traffic_enter_namespace())
	{
		fprintf(stderr, "skipped, a network namespace needs root\n");
		return 77;
	}
	return _cmocka_run_group_tests(test->name, tests, countof(tests), setup,
								   teardown);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_tunnel_ipv4),
		cmocka_unit_test(test_kernel_tunnel_ipv6),
		cmocka_unit_test(test_kernel_transport_ipv4),
		cmocka_unit_test(test_kernel_transport_ipv6),
		cmocka_unit_test(test_libipsec_ipv4),
		cmocka_unit_test(test_libipsec_ipv6),
	};
	pid_t pids[countof(tests) * SHARES];
	int i, status, ret = 0;

	/* most of the time they wait until traces end, so not one after another */
	for (i = 0; i < countof(pids); i++)
	{
		pids[i] = fork();
		if (pids[i] == 0)
		{
			share = i % SHARES;
			return run_alone(&tests[i / SHARES]);
		}
	}
	for (i = 0; i < countof(pids); i++)
	{
		if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 ||
			!WIFEXITED(status))
		{
			fprintf(stderr, "%s failed\n", tests[i / SHARES].name);
			ret = 1;
		}
		else if (WEXITSTATUS(status))
		{
			ret = WEXITSTATUS(status);
		}
	}
	return ret;
}
