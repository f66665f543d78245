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
 * nflog-capture export: what it writes of traces that are like those of the plugin.
 */

#define _GNU_SOURCE

#include "program.h"
#include "tunnel.h"

#include "files/trace_name.h"

#include "export/exporter.h"
#include "traces/pcapng_block.h"
#include "cli/when.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

/** name of the trace of the IKE_SA */
#define IKE "ike.20261124T223526Z.1122334455667788-99aabbccddeeff00"

/** fields of tshark to compare */
#define FIELDS "-e frame.time_epoch -e frame.interface_name -e frame.packet_flags " \
			   "-e frame.packet_id -e frame.comment"

/** packets in the clear */
static chunk_t ping, pong;

/**
 * Write the traces of a CHILD_SA and of its IKE_SA.
 *
 * @param link		link type
 */
static void write_traces(int link)
{
	chunk_t damaged, changed, message;
	trace_file_t *file;

	file = trace_file_create("gw", IKE ".pcap", link);
	message = add_ip(src, dst, IPPROTO_UDP, add_udp(500, 500, chunk_cat("cc",
		chunk_from_chars(0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
						 0, 0, 0, 0, 0, 0, 0, 0),
		chunk_from_chars(0, 0x20, 0x22, 0x08, 0, 0, 0, 0, 0, 0, 0, 28))));
	trace_file_add(file, 1000, "gw[1] ike-out", message);
	trace_file_close(file);

	file = trace_file_create("gw", NAME ".esp.pcap", link);
	trace_file_add(file, 2300, "net{1} esp-out", create_packet(SPI_OUT, 1, ping));
	trace_file_add(file, 3000, "net{1} esp-in", create_packet(SPI_IN, 1, pong));
	damaged = create_packet(SPI_IN, 2, pong);
	damaged.ptr[damaged.len - 1] ^= 1;
	trace_file_add(file, 4000, "net{1} esp-in", damaged);
	trace_file_close(file);

	file = trace_file_create("gw", NAME ".plain.pcap", link);
	/* the hardware would have calculated the checksum, and the TTL changed */
	changed = chunk_clone(ping);
	changed.ptr[26] ^= 0xff;
	changed.ptr[8]--;
	trace_file_add(file, 2100, "net{1} plain-out", changed);
	trace_file_add(file, 3000, "net{1} plain-in", chunk_clone(pong));
	trace_file_close(file);
	keys->flush(keys);
}

static int begin_export(void **state)
{
	ping = create_inner(1000);
	pong = create_inner(2000);
	return begin(state);
}

static int end_export(void **state)
{
	chunk_free(&ping);
	chunk_free(&pong);
	return end(state);
}

/**
 * Compare what tshark prints.
 */
static void expect_tshark(char *name, char *fields, char *expected)
{
	char path[PATH_MAX], buf[8192];
	FILE *tshark;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	tshark = open_tshark(path, fields);
	if (tshark)
	{
		len = fread(buf, 1, sizeof(buf) - 1, tshark);
		buf[len] = '\0';
		pclose(tshark);
		assert_string_equal(buf, expected);
	}
}

/**
 * Find a block of a pcapng file.
 *
 * @param number	number of the block of this type
 * @return			its body, allocated, empty if there are fewer
 */
static chunk_t get_block(char *name, uint32_t type, u_int number)
{
	chunk_t *map, rest, body = chunk_empty;
	char path[PATH_MAX];
	uint32_t header[2], trailer;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	map = chunk_map(path, FALSE);
	assert_non_null(map);
	for (rest = *map; rest.len; rest = chunk_skip(rest, header[1]))
	{
		assert_true(rest.len >= 12);
		memcpy(header, rest.ptr, sizeof(header));
		assert_true(header[1] % 4 == 0 && header[1] >= 12 && header[1] <= rest.len);
		memcpy(&trailer, rest.ptr + header[1] - 4, sizeof(trailer));
		assert_int_equal(trailer, header[1]);
		if (header[0] == type && !number--)
		{
			body = chunk_clone(chunk_create(rest.ptr + 8, header[1] - 12));
		}
	}
	chunk_unmap(map);
	return body;
}

/**
 * Find an option.
 *
 * @param body		body of a block
 * @param pos		position of its options
 * @return			value, empty if it is missing
 */
static chunk_t get_option(chunk_t body, size_t pos, uint16_t code)
{
	uint16_t header[2];

	for (; pos + 4 <= body.len; pos += 4 + ((header[1] + 3) & ~3))
	{
		memcpy(header, body.ptr + pos, sizeof(header));
		assert_true(pos + 4 + header[1] <= body.len);
		if (header[0] == code)
		{
			return chunk_create(body.ptr + pos + 4, header[1]);
		}
	}
	return chunk_empty;
}

/**
 * One file of all traces.
 */
static void test_all(void **state)
{
	chunk_t block;

	write_traces(DLT_NFLOG);
	assert_int_equal(run("export --dir %s gw -o %s/out.pcapng", dir, dir), 0);
	expect_line("stdout", "/out.pcapng: 6 packets, 2 of them both in ESP and in the "
				"clear, from ");
	expect_line("stdout", "^ESP: 3 packets, 2 decrypted, 2 ICV good, 1 ICV bad$");
	expect_line("stdout", "^IKE in the clear: 1 packets$");
	expect_tshark("out.pcapng", FIELDS,
		"1000.000001000\tgw ike-out\t0x00000002\t\tgw[1]\n"
		"2100.000001000\tnet plain-out\t0x00000002\t1\tnet{1}\n"
		"2300.000001000\tnet esp-out\t0x00000002\t1\tnet{1}: ESP c0000002 seq 1 in "
			"AES_GCM_16: ICV good\n"
		"3000.000001000\tnet esp-in\t0x00000001\t2\tnet{1}: ESP c0000001 seq 1 in "
			"AES_GCM_16: ICV good\n"
		"3000.000001000\tnet plain-in\t0x00000001\t2\tnet{1}: arrived with SPI c0000001 "
			"seq 1\n"
		"4000.000001000\tnet esp-in\t0x00000001\t\tnet{1}: ESP c0000001 seq 2: ICV "
			"bad\n");
	/* packets are as they were captured */
	assert_int_equal(run_command("for f in " IKE " " NAME ".esp " NAME ".plain; do "
			"tshark -r %s/gw/$f.pcap -x 2>/dev/null; done | sort >%s/before && "
			"tshark -r %s/out.pcapng -x 2>/dev/null | sort >%s/after && "
			"cmp %s/before %s/after || ! tshark --version >/dev/null 2>&1", dir, dir,
			dir, dir, dir, dir), 0);
	/* no keys, not even those that were used */
	block = get_block("out.pcapng", PCAPNG_DECRYPTION_SECRETS, 0);
	assert_int_equal(block.len, 0);
	assert_int_equal(run_command("grep -q $(cut -d '\"' -f 12 %s/gw/esp_sa | tail -c +3 "
								 "| head -1) %s/out.pcapng", dir, dir), 1);
}

/**
 * Statistics, and what the log says.
 */
static void test_log(void **state)
{
	static char log[] = "Nov 24 charon: 12[CHD] trace /var/lib/x/gw/" NAME ".esp of "
		"CHILD_SA net{1} ended: esp-in 2 packets 200 bytes 3 lost (3 kernel queue full) "
		"of 5 by the SA; esp-out 1 packets 100 bytes 0 lost of 1 by the SA\n"
		"trace /x/" NAME ".plain of CHILD_SA net{1} ended: plain-in 1 packets 1 bytes "
		"1 lost; plain-out 1 packets 1 bytes 0 lost\ntrace / ended: \ntrace /a\n"
		"12[IKE] trace /x of CHILD_SA x ended: ike-in 1 packets\n";
	uint64_t counts[4][3] = {
		/* received, lost, written, of ike-out, plain-out, esp-out, esp-in */
		{ 1, UINT64_MAX, 1 }, { 1, 0, 1 }, { 1, 0, 1 }, { 2, 3, 2 },
	};
	static uint16_t codes[] = {
		PCAPNG_ISB_IFRECV, PCAPNG_ISB_IFDROP, PCAPNG_ISB_USRDELIV,
	};
	char path[PATH_MAX];
	chunk_t block, value;
	int i, j;

	write_traces(DLT_NFLOG);
	snprintf(path, sizeof(path), "%s/log", dir);
	assert_true(chunk_write(chunk_from_str(log), path, 0600, TRUE));
	assert_int_equal(run("export --dir %s gw --log %s/log -o %s/out", dir, dir, dir), 0);
	for (i = 0; i < countof(counts); i++)
	{
		block = get_block("out", PCAPNG_INTERFACE_STATISTICS, i);
		assert_true(block.len > 12);
		assert_int_equal(*(uint32_t*)block.ptr, i);
		for (j = 0; j < countof(codes); j++)
		{
			value = get_option(block, 12, codes[j]);
			if (counts[i][j] == UINT64_MAX)
			{
				assert_int_equal(value.len, 0);
				continue;
			}
			assert_int_equal(value.len, sizeof(uint64_t));
			assert_memory_equal(value.ptr, &counts[i][j], value.len);
		}
		if (i == 3)
		{
			value = get_option(block, 12, PCAPNG_COMMENT);
			assert_memory_equal(value.ptr, "trace /var/lib/x/gw/", 20);
		}
		chunk_free(&block);
	}
	assert_int_equal(run("export --dir %s gw --log %s/none -o %s/out", dir, dir, dir),
					 2);
	expect_line("stderr", "unable to open .*/none");
}

/**
 * Keys in the file, and beside it.
 */
static void test_export_keys(void **state)
{
	chunk_t block, secrets;
	uint32_t fields[2];

	write_traces(DLT_NFLOG);
	/* an SA without a trace */
	free(create_packet(0xc0000003, 1, ping).ptr);
	keys->flush(keys);
	assert_int_equal(run("export --dir %s gw -o %s/out.pcapng --keys", dir, dir), 0);
	expect_line("stdout", "/out.wireshark: 2 keys, to open the file with ");
	block = get_block("out.pcapng", PCAPNG_DECRYPTION_SECRETS, 0);
	assert_true(block.len > sizeof(fields));
	memcpy(fields, block.ptr, sizeof(fields));
	assert_int_equal(fields[0], 0x45535053);
	secrets = chunk_create(block.ptr + sizeof(fields), fields[1]);
	assert_int_equal(block.len, sizeof(fields) + ((secrets.len + 3) & ~3));
	assert_non_null(memmem(secrets.ptr, secrets.len, "\"0xc0000001\",\"AES-GCM with 16 "
						   "octet ICV [RFC4106]\",\"0x01010101", 60));
	assert_non_null(memmem(secrets.ptr, secrets.len, "\"0xc0000002\"", 12));
	assert_null(memmem(secrets.ptr, secrets.len, "c0000003", 8));
	assert_memory_equal(secrets.ptr + secrets.len - 14, ",\"32-bit\",\"0\"\n", 14);
	chunk_free(&block);
	assert_int_equal(run_command("cd %s/out.wireshark && test $(stat -c %%a .) = 700 && "
			"test $(stat -c %%a keys) = 600 && ls | tr '\\n' ' ' | "
			"grep -qx 'esp_sa keys preferences ' && ! grep -q c0000003 * && "
			"! grep -q 32-bit esp_sa && grep -q '^esp c0000002 ' keys", dir), 0);
	/* a directory that others can write to, or a link to one */
	assert_int_equal(run_command("mkdir -m 0777 %s/bad.wireshark && ln -s %s "
								 "%s/link.wireshark", dir, dir, dir), 0);
	assert_int_equal(run("export --dir %s gw -o %s/bad.pcapng --keys", dir, dir), 2);
	expect_line("stderr", "^unable to write keys to .*/bad.wireshark: it is no directory");
	assert_int_equal(run("export --dir %s gw -o %s/link.pcapng --keys", dir, dir), 2);
	assert_int_equal(run_command("rm %s/link.wireshark", dir), 0);
	/* again, over what is there */
	assert_int_equal(run("export --dir %s gw -o %s/out.pcapng --keys", dir, dir), 0);
	/* decrypted with the keys that were written */
	assert_int_equal(run("decrypt -k %s/out.wireshark/keys %s/gw/" NAME ".esp.pcap "
						 "-o %s/decrypted", dir, dir, dir), 1);
	expect_line("stdout", "^ESP: 3 packets, 2 decrypted, 2 ICV good, 1 ICV bad$");
	/* only those that a trace needs */
	assert_int_equal(run("export %s/gw/" NAME ".plain.pcap -o %s/out2 --keys", dir, dir),
					 1);
	expect_line("stderr", "^there are no keys of these traces next to them$");
	assert_int_equal(run("export --dir %s gw -o - --keys", dir), 2);
	assert_int_equal(run_command("mkfifo %s/fifo && ln -s /dev/null %s/null", dir, dir), 0);
	assert_int_equal(run("export --dir %s gw -o %s/fifo --keys", dir, dir), 2);
	expect_line("stderr", "^--keys needs a file or directory, not stdout, a device or FIFO$");
	assert_int_equal(run("export --dir %s gw -o %s/null --keys", dir, dir), 2);
	assert_int_equal(run("export --dir %s gw -o /dev/null --keys", dir), 2);
	assert_int_equal(run_command("! ls -d %s/fifo.* %s/null.* /dev/null.*", dir, dir), 0);
	/* keys that Wireshark has no name for are in the key file only */
	assert_int_equal(run_command("sed -i '/c0000002/d' %s/gw/esp_sa", dir), 0);
	assert_int_equal(run("export --dir %s gw -o %s/some --keys", dir, dir), 0);
	expect_line("stdout", "/some.wireshark: 1 keys, to open the file with ");
	expect_line("stdout", "/some.wireshark/keys: 2 keys, also those that Wireshark does not");
	assert_int_equal(run_command("rm %s/gw/esp_sa", dir), 0);
	assert_int_equal(run("export --dir %s gw -o %s/only --keys", dir, dir), 0);
	expect_line("stdout", "/only.wireshark/keys: 2 keys, which Wireshark does not");
	assert_int_equal(run_command("grep -q '^esp c0000002 ' %s/only.wireshark/keys", dir), 0);
	assert_int_equal(run("export --dir %s gw -o %s/out3 --keys --no-keys", dir, dir), 0);
	assert_int_equal(run_command("test ! -e %s/out3.wireshark", dir), 0);
}

/**
 * Parts of the traces.
 */
static void test_parts(void **state)
{
	write_traces(DLT_NFLOG);
	assert_int_equal(run("export --dir %s gw -o %s/out -f 'port 1000'", dir, dir), 1);
	/* the one with a bad ICV may have matched */
	expect_line("stdout", "^1 encrypted packets could not be decrypted for the filter");
	expect_tshark("out", "-e frame.interface_name", "net plain-out\nnet esp-out\n");
	assert_int_equal(run("export --dir %s gw -o %s/out -f 'portt 1000'", dir, dir), 2);
	expect_line("stderr", "^invalid filter .portt 1000.: ");
	assert_int_equal(run("export --dir %s gw -o %s/out --plain-only", dir, dir), 0);
	expect_tshark("out", "-e frame.interface_name", "net plain-out\nnet plain-in\n");
	assert_int_equal(run("export --dir %s gw -o %s/out --since @2200 --until "
						 "1970-01-01T00:50:00.5Z", dir, dir), 0);
	expect_tshark("out", "-e frame.interface_name",
				  "net esp-out\nnet esp-in\nnet plain-in\n");
	assert_int_equal(run("export --dir %s gw -o %s/out --since yesterday", dir, dir), 2);
	expect_line("stderr", "^--since requires a time such as .*, not .yesterday.$");
	assert_int_equal(run("export --dir %s gw -o %s/out --since 1h", dir, dir), 0);
	expect_line("stdout", "/out: 0 packets$");
	expect_line("stderr", "^no packet matches --since and --until$");
	assert_int_equal(run("export --dir %s gw -o %s/out --since 2100-01-01", dir, dir), 0);
	expect_line("stderr", "^--since is in the future: Jan 01 00:00:00 2100$");
	assert_int_equal(run("export --dir %s gw -o %s/out -f 'port 4711'", dir, dir), 1);
	expect_line("stderr", "^no packet matches --filter$");
	expect_line("stdout", "^all packets that the filter was applied to:$");
	assert_int_equal(run("export --dir %s gw -o %s/out --log /dev/zero", dir, dir), 2);
	expect_line("stderr", "^unable to read /dev/zero: it is a device$");
	/* a file per trace */
	assert_int_equal(run("export --dir %s gw -o %s/each --one-per-trace", dir, dir), 0);
	expect_tshark("each/" NAME ".plain.pcapng", "-e frame.interface_name",
				  "net plain-out\nnet plain-in\n");
	assert_int_equal(run_command("ls %s/each | wc -l | grep -qx 3", dir), 0);
	/* for any tool */
	assert_int_equal(run("export --dir %s gw -o %s/out --format pcap", dir, dir), 0);
	expect_tshark("out", "-e frame.protocols -e frame.len -e ip.len",
		"raw:ip:udp:isakmp\t56\t56\nraw:ip:udp:data\t41\t41\nraw:ip:esp\t96\t96\n"
		"raw:ip:esp\t96\t96\nraw:ip:udp:data\t41\t41\nraw:ip:esp\t96\t96\n");
	assert_int_equal(run("export --dir %s gw -o %s/out --format text", dir, dir), 2);
	assert_int_equal(run("export --dir %s gw -o -", dir), 0);
	expect_tshark("stdout", "-e frame.number", "1\n2\n3\n4\n5\n6\n");
}

/**
 * Traces without keys, and with link type raw.
 */
static void test_raw(void **state)
{
	write_traces(DLT_RAW);
	assert_int_equal(run_command("rm %s/gw/keys", dir), 0);
	assert_int_equal(run("export --dir %s gw -o %s/out", dir, dir), 0);
	expect_tshark("out", FIELDS,
		"1000.000001000\tgw packets\t\t\tike\n"
		"2100.000001000\tnet packets\t\t\tnet\n"
		"2300.000001000\tnet esp-out\t0x00000002\t1\tnet: ESP c0000002 seq 1\n"
		"3000.000001000\tnet esp-in\t0x00000001\t2\tnet: ESP c0000001 seq 1\n"
		"3000.000001000\tnet packets\t\t\tnet\n"
		"4000.000001000\tnet esp-in\t0x00000001\t3\tnet: ESP c0000001 seq 2\n");
}

/**
 * Traces without keys, whose packets are tied by their order.
 */
static void test_order(void **state)
{
	trace_file_t *esp, *plain;
	chunk_t packet;
	int i;

	esp = trace_file_create("gw", NAME ".esp.pcap", DLT_NFLOG);
	plain = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	for (i = 0; i < 6; i++)
	{
		packet = add_ip(other, other, IPPROTO_UDP,
						add_udp(1, 2, chunk_alloc(10 + 100 * i)));
		trace_file_add(esp, 1000 + i, "net{1} esp-in",
					   create_packet(SPI_IN, i + 1, packet));
		/* one is missing, so that lengths don't agree afterwards */
		if (i != 3)
		{
			trace_file_add(plain, 1000 + i, "net{1} plain-in", packet);
		}
		else
		{
			free(packet.ptr);
		}
	}
	trace_file_close(esp);
	trace_file_close(plain);
	keys->flush(keys);
	assert_int_equal(run_command("rm %s/gw/keys", dir), 0);
	assert_int_equal(run("export --dir %s gw -o %s/out", dir, dir), 0);
	expect_tshark("out", "-e frame.interface_name -e frame.packet_id",
				  "net esp-in\t1\nnet plain-in\t1\nnet esp-in\t2\nnet plain-in\t2\n"
				  "net esp-in\t3\nnet plain-in\t3\nnet esp-in\t4\n"
				  "net esp-in\t5\nnet plain-in\t\nnet esp-in\t\nnet plain-in\t\n");
}

/**
 * Create a packet of TCP.
 */
static chunk_t create_tcp(uint32_t seq, size_t len)
{
	uint8_t header[20] = { 1, 2, 3, 4 };
	chunk_t data = chunk_alloc(len);

	htoun32(header + 4, seq);
	header[12] = 5 << 4;
	memset(data.ptr, seq, len);
	return add_sum(add_ip(other, other, IPPROTO_TCP, chunk_cat("cm",
						  chunk_from_thing(header), data)));
}

/**
 * A packet that is split before it is encrypted, with sequence numbers that wrap.
 */
static void test_split(void **state)
{
	uint32_t seq = 0xffffff00;
	trace_file_t *esp, *plain;
	chunk_t part;
	int i;

	plain = trace_file_create("gw", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(plain, 1000, "net{1} plain-out", create_tcp(seq, 3000));
	trace_file_add(plain, 1001, "net{1} plain-out", create_tcp(seq + 3000, 500));
	trace_file_close(plain);
	esp = trace_file_create("gw", NAME ".esp.pcap", DLT_NFLOG);
	for (i = 0; i < 4; i++)
	{
		part = create_tcp(seq + i * 1000, i == 3 ? 500 : 1000);
		trace_file_add(esp, 1002 + i, "net{1} esp-out",
					   create_packet(SPI_OUT, i + 1, part));
		free(part.ptr);
	}
	/* one that was not captured in the clear */
	part = create_tcp(seq - 1000, 1000);
	trace_file_add(esp, 1006, "net{1} esp-out", create_packet(SPI_OUT, i + 1, part));
	free(part.ptr);
	trace_file_close(esp);
	keys->flush(keys);
	assert_int_equal(run("export --dir %s gw -o %s/out", dir, dir), 0);
	expect_tshark("out", "-e frame.interface_name -e frame.packet_id",
				  "net plain-out\t1\nnet plain-out\t2\nnet esp-out\t1\nnet esp-out\t1\n"
				  "net esp-out\t1\nnet esp-out\t2\nnet esp-out\t6\n");
}

/**
 * Check that bytes are whole blocks, see exporter_write_t.
 */
static bool check_blocks(void *data, chunk_t bytes)
{
	uint32_t header[2], trailer;

	for (; bytes.len; bytes = chunk_skip(bytes, header[1]))
	{
		assert_true(bytes.len >= 12);
		memcpy(header, bytes.ptr, sizeof(header));
		assert_true(header[1] % 4 == 0 && header[1] >= 12 && header[1] <= bytes.len);
		memcpy(&trailer, bytes.ptr + header[1] - 4, sizeof(trailer));
		assert_int_equal(trailer, header[1]);
		(*(u_int*)data)++;
	}
	return TRUE;
}

/**
 * Export whatever there is, return the number of blocks.
 */
static u_int export_all(packet_filter_t *filter)
{
	u_int blocks = 0;
	exporter_options_t options = {
		.program = "test",
		.decrypt = TRUE,
		.filter = filter,
		.write = check_blocks,
		.data = &blocks,
	};
	merged_packet_t merged;
	captures_t *captures;
	exporter_t *exporter;
	merge_t *merge;

	captures = captures_create(dir);
	assert_true(captures->add(captures, "gw"));
	exporter = exporter_create(&options);
	exporter->set_keys(exporter, file, decrypter);
	merge = merge_create(captures->create_enumerator(captures));
	while (merge->read(merge, &merged))
	{
		decrypter->learn(decrypter, merged.packet.ip);
		assert_true(exporter->add(exporter, &merged));
	}
	merge->destroy(merge);
	assert_true(exporter->finish(exporter));
	exporter->destroy(exporter);
	captures->destroy(captures);
	return blocks;
}

/**
 * Traces with some bytes that are others.
 */
static void test_damaged(void **state)
{
	static char *names[] = { IKE ".pcap", NAME ".esp.pcap", NAME ".plain.pcap" };
	chunk_t contents[countof(names)], damaged, *map;
	char path[PATH_MAX];
	packet_filter_t *filter;
	int i, j, errors;

	write_traces(DLT_NFLOG);
	read_keys();
	for (i = 0; i < countof(names); i++)
	{
		snprintf(path, sizeof(path), "%s/gw/%s", dir, names[i]);
		map = chunk_map(path, FALSE);
		contents[i] = chunk_clone(*map);
		chunk_unmap(map);
	}
	filter = packet_filter_create("ip[0] & 1 = 1 and ip[100] = 1 or port 1000");
	assert_non_null(filter);
	/* section, interfaces with statistics, packets, and decrypted ones with interfaces */
	assert_int_equal(export_all(NULL), 1 + 2 * 5 + 6 + 2 + 2);
	fflush(stderr);
	errors = dup(STDERR_FILENO);
	assert_true(dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) >= 0);
	srand(1);
	for (i = 0; i < 1000; i++)
	{
		for (j = 0; j < countof(names); j++)
		{
			damaged = chunk_clone(contents[j]);
			if (rand() % 4 == 0)
			{
				damaged.len = rand() % damaged.len;
			}
			if (rand() % 8)
			{	/* not only its header */
				damage(chunk_skip(damaged, min(damaged.len, 24)));
			}
			else
			{
				damage(damaged);
			}
			snprintf(path, sizeof(path), "%s/gw/%s", dir, names[j]);
			assert_true(chunk_write(damaged, path, 0600, TRUE));
			free(damaged.ptr);
		}
		assert_true(export_all(i % 2 ? filter : NULL) >= 1);
	}
	fflush(stderr);
	dup2(errors, STDERR_FILENO);
	close(errors);
	filter->destroy(filter);
	for (i = 0; i < countof(names); i++)
	{
		free(contents[i].ptr);
	}
}

/**
 * Times as users write them.
 */
static void test_when(void **state)
{
	static const struct {
		char *str;
		time_t sec;
		suseconds_t usec;
	} times[] = {
		{ "2026-11-24T22:35:27Z", 1795559727, 0 },
		{ "2026-11-24 22:35:27.25Z", 1795559727, 250000 },
		{ "2026-11-24 22:35Z", 1795559700, 0 },
		/* local time, in summer and in winter */
		{ "2026-11-24T22:35:27", 1795559727 - 3600, 0 },
		{ "2026-07-24 22:35", 1784932500 - 7200, 0 },
		{ "2026-11-24", 1795478400 - 3600, 0 },
		{ "@1795559727", 1795559727, 0 },
		{ "@0.000001", 0, 1 },
	};
	static char *wrong[] = {
		"", "x", "@", "@x", "10", "10x", "10mm", "-10m", "2026-13-24", "25:00", "12:00x",
		"2026-11-24T22:35:27Zx",
		"2026-02-30", "2026-02-29 10:00", "2026-04-31T10:00:00Z", "@99999999999999999999", "99999999999999999999d", "@1.x",
	};
	struct timeval when, now;
	int i;

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", TRUE);
	tzset();
	for (i = 0; i < countof(times); i++)
	{
		if (!when_parse(times[i].str, &when) || when.tv_sec != times[i].sec ||
			when.tv_usec != times[i].usec)
		{
			fail_msg("'%s' is %lu.%06lu", times[i].str, when.tv_sec, when.tv_usec);
		}
	}
	for (i = 0; i < countof(wrong); i++)
	{
		if (when_parse(wrong[i], &when))
		{
			fail_msg("'%s' is %lu", wrong[i], when.tv_sec);
		}
	}
	gettimeofday(&now, NULL);
	assert_true(when_parse("2h", &when));
	assert_true(now.tv_sec - when.tv_sec <= 7200 && now.tv_sec - when.tv_sec >= 7199 - 60);
	assert_true(when_parse("00:00", &when));
	assert_true(now.tv_sec - when.tv_sec >= 0 && now.tv_sec - when.tv_sec <= 25 * 3600);
	unsetenv("TZ");
	tzset();
}

/**
 * Files of a ring, of which one is torn, and several connections.
 */
static void test_files(void **state)
{
	char name[PATH_MAX], label[NFLOG_NAME_SIZE];
	trace_file_t *file;
	int i;

	for (i = 8; i < 12; i++)
	{
		snprintf(name, sizeof(name), NAME ".plain.%d.pcap", i);
		file = trace_file_create("gw", name, DLT_NFLOG);
		trace_file_add(file, 1000 + i, "net{1} plain-in", chunk_clone(ping));
		trace_file_close(file);
		file = trace_file_create("b", name, DLT_NFLOG);
		trace_file_add(file, 1000 + i, "net{7} plain-in", chunk_clone(pong));
		trace_file_close(file);
	}
	assert_int_equal(run("export --dir %s gw b -o %s/out", dir, dir), 0);
	expect_tshark("out", "-e frame.time_epoch -e frame.interface_description",
		"1008.000001000\tconnection b, child net: in the clear, after decryption\n"
		"1008.000001000\tconnection gw, child net: in the clear, after decryption\n"
		"1009.000001000\tconnection b, child net: in the clear, after decryption\n"
		"1009.000001000\tconnection gw, child net: in the clear, after decryption\n"
		"1010.000001000\tconnection b, child net: in the clear, after decryption\n"
		"1010.000001000\tconnection gw, child net: in the clear, after decryption\n"
		"1011.000001000\tconnection b, child net: in the clear, after decryption\n"
		"1011.000001000\tconnection gw, child net: in the clear, after decryption\n");
	/* connections of two gateways */
	assert_int_equal(run_command("mkdir %s/other && cp -r %s/b %s/other", dir, dir, dir), 0);
	assert_int_equal(run("export %s/b %s/other/b -o %s/out", dir, dir, dir), 0);
	assert_int_equal(run_command("strings -n 20 %s/out | grep -c '^connection b, child net: "
								 "in the clear, after decryption$' | grep -qx 1", dir), 0);
	assert_int_equal(run_command("strings -n 20 %s/out | grep -q 'decryption, in %s/other/b'",
								 dir, dir), 0);
	assert_int_equal(run_command("truncate -s -1 %s/gw/" NAME ".plain.9.pcap", dir), 0);
	assert_int_equal(run("export %s/gw -o %s/out", dir, dir), 1);
	expect_line("stderr", "plain.9.pcap ends within a packet$");
	expect_tshark("out", "-e frame.time_epoch",
				  "1008.000001000\n1010.000001000\n1011.000001000\n");
	assert_int_equal(run("export %s/gw/" NAME ".plain.8.pcap -o %s/out", dir, dir), 0);
	expect_tshark("out", "-e frame.time_epoch", "1008.000001000\n");
	/* not over a trace, by whatever name */
	assert_int_equal(run("export %s/gw -o %s/gw/../gw/" NAME ".plain.8.pcap", dir, dir),
					 2);
	expect_line("stderr", "it is the same file as .*, which is read, use another name$");
	assert_int_equal(run("export --dir %s none -o %s/out", dir, dir), 2);
	expect_line("stderr", "^.none. is neither a file, nor a directory, nor a connection");
	/* a connection whose name is not that of its directory */
	file = trace_file_create(nflog_trace_name_label("a/b", label), NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} plain-in", chunk_clone(ping));
	trace_file_close(file);
	assert_int_equal(run("export --dir %s a/b -o %s/out", dir, dir), 0);
	expect_line("stdout", "/out: 1 packets, ");
	assert_int_equal(run("export --dir %s \"\" -o %s/out", dir, dir), 2);
	expect_line("stderr", "^.. is neither a file, nor a directory, nor a connection");
	assert_int_equal(run("export --dir %s a/c -o %s/out", dir, dir), 2);
	expect_line("stderr", "^unable to open a/c: No such file or directory$");
	assert_int_equal(run("export --dir %s none -o %s/out", dir, dir), 2);
	expect_line("stderr", "^.none. is neither a file, nor a directory, nor a connection");
	assert_int_equal(run("export --dir %s -o %s/out", dir, dir), 2);
	expect_line("stderr", "^a connection, directory or trace is missing$");
	assert_int_equal(run_command("mkdir %s/empty", dir), 0);
	assert_int_equal(run("export %s/empty -o %s/out", dir, dir), 2);
	expect_line("stderr", "/empty has no traces$");
	/* neither pcap, nor of a link type that is known, nor with possible lengths */
	assert_int_equal(run_command("echo nonsense that is long enough >%s/text && "
			"cp %s/gw/" NAME ".plain.8.pcap %s/bad && printf '\\377\\377\\377\\177' | "
			"dd of=%s/bad bs=1 seek=32 conv=notrunc 2>/dev/null && "
			"cp %s/bad %s/link && printf '\\001' | dd of=%s/link bs=1 seek=20 "
			"conv=notrunc 2>/dev/null", dir, dir, dir, dir, dir, dir, dir), 0);
	assert_int_equal(run("export %s/text -o %s/out", dir, dir), 1);
	expect_line("stderr", "/text: it is no pcap file");
	assert_int_equal(run("export %s/link -o %s/out", dir, dir), 1);
	expect_line("stderr", "/link: its link type is neither NFLOG nor raw$");
	assert_int_equal(run("export %s/bad -o %s/out", dir, dir), 1);
	expect_line("stderr", "/bad: it is damaged, a packet has an impossible length$");
	assert_int_equal(run("export %s -o %s/out /dev/null", dir, dir), 2);
}

/**
 * What is read is never replaced.
 */
static void test_replace(void **state)
{
	static char *names[] = { "keys", "esp_sa", NAME ".esp.pcap" };
	int i;

	write_traces(DLT_NFLOG);
	assert_int_equal(run_command("cp %s/gw/keys %s/mine && : >%s/log && mkdir "
			"%s/k.wireshark && cp %s/gw/keys %s/k.wireshark/keys && cp -a %s/gw "
			"%s/gw.wireshark && cp -a %s/gw %s/saved", dir, dir, dir, dir, dir, dir, dir,
			dir, dir, dir), 0);
	for (i = 0; i < countof(names); i++)
	{
		assert_int_equal(run("export %s/gw -o %s/gw/%s", dir, dir, names[i]), 2);
		expect_line("stderr", "^unable to write to .*: it is the same file as .*, which");
		assert_int_equal(run("export %s/gw/" NAME ".plain.pcap -o %s/gw/%s -k %s/mine",
							 dir, dir, i == 2 ? "keys" : names[i], dir), 2);
	}
	assert_int_equal(run("export %s/gw -k %s/mine -o %s/mine", dir, dir, dir), 2);
	assert_int_equal(run("export %s/gw -k - -o %s/mine <%s/mine", dir, dir, dir), 2);
	assert_int_equal(run("export %s/gw --log %s/log -o %s/log", dir, dir, dir), 2);
	/* nor by the tables that are written beside the output */
	assert_int_equal(run("export %s/gw -k %s/k.wireshark/keys -o %s/k.pcapng --keys", dir,
						 dir, dir), 2);
	assert_int_equal(run("export %s/gw.wireshark -o %s/gw.pcapng", dir, dir), 2);
	assert_int_equal(run_command("test ! -s %s/log && cmp %s/gw/keys %s/mine && cmp "
			"%s/mine %s/k.wireshark/keys && diff -r %s/gw %s/saved && diff -r "
			"%s/gw.wireshark %s/saved", dir, dir, dir, dir, dir, dir, dir, dir, dir), 0);
	assert_int_equal(run("export %s/gw -k - --log - -o %s/out </dev/null", dir, dir), 2);
	expect_line("stderr", "^stdin can be read only once$");
}

/**
 * Keys of an earlier export don't stay beside a later one.
 */
static void test_stale_keys(void **state)
{
	write_traces(DLT_NFLOG);
	assert_int_equal(run("export %s/gw -o %s/k.pcapng --keys", dir, dir), 0);
	assert_int_equal(run_command("cd %s/k.wireshark && echo old >ikev1_decryption_table "
								 "&& echo mine >recent", dir), 0);
	assert_int_equal(run("export %s/gw -o %s/k.pcapng --keys", dir, dir), 0);
	assert_int_equal(run_command("cd %s/k.wireshark && test -e keys -a -e recent && "
								 "test ! -e ikev1_decryption_table", dir), 0);
	/* traces without keys, with and without the option */
	assert_int_equal(run("export %s/gw/" NAME ".plain.pcap -o %s/k.pcapng --keys", dir,
						 dir), 1);
	assert_int_equal(run_command("test \"$(ls %s/k.wireshark)\" = recent", dir), 0);
	assert_int_equal(run_command("rm %s/k.wireshark/recent", dir), 0);
	assert_int_equal(run("export %s/gw -o %s/k.pcapng --keys", dir, dir), 0);
	assert_int_equal(run("export %s/gw -o %s/k.pcapng", dir, dir), 0);
	assert_int_equal(run_command("test ! -e %s/k.wireshark", dir), 0);
}

/**
 * Traces of the same name, and times that are not in order.
 */
static void test_same_names(void **state)
{
	trace_file_t *file;

	file = trace_file_create("a", NAME ".plain.pcap", DLT_NFLOG);
	trace_file_add(file, 1000, "net{1} plain-in", chunk_clone(ping));
	trace_file_add(file, 3000, "net{1} plain-in", chunk_clone(ping));
	/* the clock was set back */
	trace_file_add(file, 1500, "net{1} plain-in", chunk_clone(pong));
	trace_file_close(file);
	assert_int_equal(run_command("cp -a %s/a %s/b && mkdir %s/x && cp -a %s/a %s/x/a", dir,
								 dir, dir, dir, dir), 0);
	assert_int_equal(run("export %s/a %s/b %s/x/a --one-per-trace -o %s/each/", dir, dir,
						 dir, dir), 0);
	assert_int_equal(run_command("test $(ls %s/each | wc -l) = 3 && test ! -e "
								 "%s/each/.wireshark", dir, dir), 0);
	assert_int_equal(run("export %s/a --until @2000 -o %s/out", dir, dir), 0);
	expect_line("stdout", "/out: 2 packets");
	assert_int_equal(run("export %s/a --until @0 -o %s/out", dir, dir), 0);
	expect_line("stdout", "/out: 0 packets");
	assert_int_equal(run("export %s/a --since @2 --until @1 -o %s/out", dir, dir), 2);
	expect_line("stderr", "^--until is before --since");
	/* names of directories that are none */
	assert_int_equal(run_command("cd %s/a && " PROGRAM " export . >/dev/null && "
								 "test -e a.export.pcapng", dir), 0);
}

/**
 * Get the memory in KB that a command needs, which has to succeed.
 */
static long get_memory(char *fmt, ...)
{
	char cmd[4 * PATH_MAX];
	struct rusage usage;
	va_list list;
	int status;
	pid_t pid;

	va_start(list, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, list);
	va_end(list);
	pid = fork();
	if (!pid)
	{
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_int_equal(status, 0);
	return usage.ru_maxrss;
}

/**
 * Key files that block, a log without lines, directories given twice, compressed traces,
 * and standard streams that are closed.
 */
static void test_inputs(void **state)
{
	static char *command = "head -c %s /dev/zero | tr '\\0' x | " PROGRAM
		" export %s/gw --log - -o %s/out >/dev/null";
	long memory;

	write_traces(DLT_NFLOG);
	/* what this process has is included */
	memory = get_memory(command, "1K", dir, dir);
	assert_true(get_memory(command, "256M", dir, dir) < memory + 100 * 1024);
	assert_int_equal(run("export %s/gw %s/gw/ %s/x/../gw/../gw %s/gw/" NAME ".esp.pcap "
						 "-o %s/out", dir, dir, dir, dir, dir), 2);
	assert_int_equal(run("export %s/gw %s/gw/ %s/gw/../gw/" NAME ".esp.pcap -o %s/out", dir,
						 dir, dir, dir), 0);
	expect_line("stdout", "/out: 6 packets, ");
	assert_int_equal(run_command("gzip -k %s/gw/" NAME ".plain.pcap", dir), 0);
	assert_int_equal(run("export %s/gw -o %s/out", dir, dir), 0);
	expect_line("stderr", "/gw has 1 traces that were compressed, such as " NAME
				".plain.pcap.gz, these are left out");
	/* not even to the file that would get the descriptor */
	assert_int_equal(run_command(PROGRAM " export %s/gw -o - >&- 2>%s/stderr", dir, dir), 2);
	expect_line("stderr", "^unable to write to stdout: it is closed");
	assert_int_equal(run_command(PROGRAM " export %s/gw -k - -o %s/out <&- >&- 2>%s/stderr",
								 dir, dir, dir), 2);
	assert_int_equal(run_command("cd %s/gw && rm keys esp_sa && mkfifo keys esp_sa", dir), 0);
	assert_int_equal(run_command("timeout 60 " PROGRAM " export %s/gw -o %s/out "
								 "2>%s/stderr", dir, dir, dir), 2);
	expect_line("stderr", "^unable to open .*/gw/keys: it is no regular file");
	assert_int_equal(run_command("timeout 60 " PROGRAM " decrypt %s/gw/" NAME ".esp.pcap "
								 "-o %s/out 2>%s/stderr", dir, dir, dir), 2);
	assert_int_equal(run_command("rm %s/gw/keys && timeout 60 " PROGRAM " export %s/gw "
								 "--keys -o %s/out 2>%s/stderr", dir, dir, dir, dir), 1);
	expect_line("stderr", "^unable to read .*/gw/esp_sa: ");
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_all, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_log, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_export_keys, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_parts, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_raw, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_order, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_split, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_damaged, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_replace, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_stale_keys, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_same_names, begin_export, end_export),
		cmocka_unit_test_setup_teardown(test_inputs, begin_export, end_export),
		cmocka_unit_test(test_when),
		cmocka_unit_test_setup_teardown(test_files, begin_export, end_export),
	};

	return cmocka_run_group_tests(unit_tests, setup_program, teardown);
}
