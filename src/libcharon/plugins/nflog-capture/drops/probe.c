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

#include "probe.h"
#include <drops/dropped_object.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <collections/array.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

/** types of the kernel */
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/** state of the lockdown, the current one is in brackets (kernel_lockdown(7)) */
#define LOCKDOWN "/sys/kernel/security/lockdown"

/** memory for packets in the kernel until they are read, in bytes, see dropped.bpf.c */
#define EVENTS "events"

/** program that passes on packets */
#define DROPPED "dropped"

typedef struct private_nflog_probe_t private_nflog_probe_t;

/**
 * Private data.
 */
struct private_nflog_probe_t {

	/**
	 * Public interface.
	 */
	nflog_probe_t public;

	/**
	 * Programs and maps.
	 */
	struct bpf_object *object;

	/**
	 * Programs that are attached, struct bpf_link.
	 */
	array_t *links;

	/**
	 * File descriptors of maps.
	 */
	int pairs, subnets;

	/**
	 * Reads packets.
	 */
	struct ring_buffer *ring;

	/**
	 * Packet that was read.
	 */
	struct nflog_event_t event;

	/**
	 * Names of reasons.
	 */
	nflog_reasons_t *reasons;

	/**
	 * Receives packets, and its data.
	 */
	void (*cb)(void *data, struct nflog_event_t *event);
	void *data;
};

/**
 * Change a set.
 */
static bool change(int fd, void *key, bool add)
{
	struct nflog_limits_t none = {};

	return add ? bpf_map_update_elem(fd, key, &none, BPF_NOEXIST) == 0 || errno == EEXIST
			   : bpf_map_delete_elem(fd, key) == 0 || errno == ENOENT;
}

/**
 * Get a value of a set, the counters of a key.
 */
static void get(int fd, void *key, struct nflog_limits_t *limits)
{
	struct nflog_limits_t found;

	if (bpf_map_lookup_elem(fd, key, &found) == 0)
	{
		*limits = found;
	}
}

METHOD(nflog_probe_t, set_pair, bool,
	private_nflog_probe_t *this, struct nflog_pair_t *pair, bool add)
{
	return change(this->pairs, pair, add);
}

METHOD(nflog_probe_t, set_subnet, bool,
	private_nflog_probe_t *this, struct nflog_subnet_t *subnet, bool add)
{
	return change(this->subnets, subnet, add);
}

METHOD(nflog_probe_t, get_fd, int,
	private_nflog_probe_t *this)
{
	return ring_buffer__epoll_fd(this->ring);
}

METHOD(nflog_probe_t, consume, void,
	private_nflog_probe_t *this)
{
	ring_buffer__consume(this->ring);
}

METHOD(nflog_probe_t, get_pair_limits, void,
	private_nflog_probe_t *this, struct nflog_pair_t *pair, struct nflog_limits_t *limits)
{
	get(this->pairs, pair, limits);
}

METHOD(nflog_probe_t, get_subnet_limits, void,
	private_nflog_probe_t *this, struct nflog_subnet_t *subnet,
	struct nflog_limits_t *limits)
{
	get(this->subnets, subnet, limits);
}

/**
 * Get the program of a name.
 */
static struct bpf_program *get_program(private_nflog_probe_t *this, char *name)
{
	return bpf_object__find_program_by_name(this->object, name);
}

METHOD(nflog_probe_t, get_nested, uint64_t,
	private_nflog_probe_t *this)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	bpf_obj_get_info_by_fd(bpf_program__fd(get_program(this, DROPPED)), &info, &len);
	return info.recursion_misses;
}

METHOD(nflog_probe_t, get_reasons, nflog_reasons_t*,
	private_nflog_probe_t *this)
{
	return this->reasons;
}

METHOD(nflog_probe_t, destroy, void,
	private_nflog_probe_t *this)
{
	struct bpf_link *link;

	while (array_remove(this->links, ARRAY_TAIL, &link))
	{
		bpf_link__destroy(link);
	}
	array_destroy(this->links);
	ring_buffer__free(this->ring);
	bpf_object__close(this->object);
	this->reasons->destroy(this->reasons);
	free(this);
}

/**
 * Receive a packet from the ring buffer.
 */
static int receive(void *data, void *bytes, size_t len)
{
	private_nflog_probe_t *this = data;
	struct nflog_event_t *event = &this->event;

	/* the ring buffer can't be written to */
	memcpy(event, bytes, min(len, sizeof(*event)));
	if (len >= offsetof(struct nflog_event_t, data) &&
		event->caplen <= len - offsetof(struct nflog_event_t, data))
	{
		event->place[sizeof(event->place) - 1] = '\0';
		this->cb(this->data, event);
	}
	return 0;
}

/**
 * Learn the names of reasons and counters from the types of the kernel.
 */
static void learn_names(private_nflog_probe_t *this, const struct btf *btf)
{
	const struct btf_type *type;
	const struct btf_enum *values;
	const char *name;
	uint32_t id, i;

	for (id = 1; id < btf__type_cnt(btf); id++)
	{
		type = btf__type_by_id(btf, id);
		if (!btf_is_enum(type))
		{
			continue;
		}
		values = btf_enum(type);
		name = btf__name_by_offset(btf, type->name_off);
		if (streq(name, "skb_drop_reason"))
		{
			for (i = 0; i < btf_vlen(type); i++)
			{
				this->reasons->set_reason(this->reasons, values[i].val,
									btf__name_by_offset(btf, values[i].name_off));
			}
		}
		else if (!*name && btf_vlen(type) &&
				 strpfx((char*)btf__name_by_offset(btf, values[0].name_off),
						"LINUX_MIB_XFRM"))
		{
			for (i = 0; i < btf_vlen(type); i++)
			{
				this->reasons->set_counter(this->reasons, values[i].val,
									btf__name_by_offset(btf, values[i].name_off));
			}
		}
	}
}

/**
 * Load only programs for functions that the kernel has: those of the audit log are an option of
 * it.
 */
static void choose_programs(private_nflog_probe_t *this, const struct btf *btf)
{
	struct bpf_program *program;
	char *function;

	bpf_object__for_each_program(program, this->object)
	{
		function = strchr(bpf_program__section_name(program), '/');
		if (strpfx((char*)bpf_program__section_name(program), "fentry/") &&
			btf__find_by_name_kind(btf, function + 1, BTF_KIND_FUNC) < 0)
		{
			bpf_program__set_autoload(program, FALSE);
		}
	}
}

/**
 * Constants of the programs, in the order of dropped.bpf.c.
 */
typedef struct {
	uint32_t counters, not_specified, xfrm_policy;
} constants_t;

/**
 * Set the constants of the programs.
 *
 * @return			FALSE if they are others, which the build prevents
 */
static bool set_constants(private_nflog_probe_t *this)
{
	nflog_reasons_t *reasons = this->reasons;
	constants_t constants = {
		.counters = reasons->get_counters(reasons),
		.not_specified = reasons->get_value(reasons, "SKB_DROP_REASON_NOT_SPECIFIED"),
		.xfrm_policy = reasons->get_value(reasons, "SKB_DROP_REASON_XFRM_POLICY"),
	};
	struct bpf_map *map;
	const void *initial;
	size_t len;
	void *data;
	bool set;

	map = bpf_object__find_map_by_name(this->object, ".rodata.nflog");
	initial = map ? bpf_map__initial_value(map, &len) : NULL;
	if (!initial || len != sizeof(constants))
	{
		return FALSE;
	}
	data = malloc(len);
	memcpy(data, &constants, sizeof(constants));
	set = bpf_map__set_initial_value(map, data, len) == 0;
	free(data);
	return set;
}

/**
 * Open the object.
 */
static int open_object(private_nflog_probe_t *this, const struct btf *btf)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts,
		.object_name = "nflog_capture",
	);

	this->object = bpf_object__open_mem(dropped_object, sizeof(dropped_object), &opts);
	if (!this->object)
	{
		return -errno;
	}
	choose_programs(this, btf);
	return set_constants(this) ? 0 : -EINVAL;
}

/**
 * Load the programs into the kernel, without those that it may refuse if needed.
 */
static int load_object(private_nflog_probe_t *this, const struct btf *btf)
{
	int res;

	res = open_object(this, btf) ?: bpf_object__load(this->object);
	if (res == 0 || res == -EPERM)
	{
		return res;
	}
	/* without the counters */
	bpf_object__close(this->object);
	res = open_object(this, btf);
	if (res == 0)
	{
		bpf_program__set_autoload(get_program(this, "locate"), FALSE);
		res = bpf_object__load(this->object);
	}
	return res;
}

/**
 * Run a program on a processor, or on this one.
 */
static bool run_program(struct bpf_program *program, int processor)
{
	uint64_t context[1] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		.ctx_in = context,
		.ctx_size_in = sizeof(context),
		.flags = processor < 0 ? 0 : BPF_F_TEST_RUN_ON_CPU,
		.cpu = max(processor, 0),
	);

	return program && bpf_program__fd(program) >= 0 &&
		   bpf_prog_test_run_opts(bpf_program__fd(program), &opts) == 0;
}

/**
 * Attach the programs, after they know where they are.
 */
static int attach(private_nflog_probe_t *this)
{
	struct bpf_program *program;
	struct bpf_link *link;
	int i;

	if (!run_program(get_program(this, "learn"), -1))
	{
		return -errno;
	}
	for (i = 0; i < libbpf_num_possible_cpus(); i++)
	{	/* those that are offline fail, and have no packets */
		run_program(get_program(this, "locate"), i);
	}
	bpf_object__for_each_program(program, this->object)
	{
		if (!strchr(bpf_program__section_name(program), '/') ||
			bpf_program__fd(program) < 0)
		{
			continue;
		}
		link = bpf_program__attach(program);
		if (link)
		{
			array_insert(this->links, ARRAY_TAIL, link);
		}
		else if (streq(bpf_program__name(program), DROPPED))
		{	/* the others only explain more */
			return -errno;
		}
	}
	return 0;
}

/**
 * Find the maps, and read packets from one.
 */
static int open_maps(private_nflog_probe_t *this)
{
	int events;

	events = bpf_object__find_map_fd_by_name(this->object, EVENTS);
	this->pairs = bpf_object__find_map_fd_by_name(this->object, "pairs");
	this->subnets = bpf_object__find_map_fd_by_name(this->object, "subnets");
	this->ring = ring_buffer__new(events, receive, this, NULL);
	return this->ring ? 0 : -errno;
}

/**
 * Is the kernel locked down, such that it reads no memory for programs?
 */
static bool is_locked_down()
{
	char line[128] = "";
	FILE *file = fopen(LOCKDOWN, "re");

	if (file)
	{
		if (!fgets(line, sizeof(line), file))
		{
			line[0] = '\0';
		}
		fclose(file);
	}
	return strstr(line, "[confidentiality]") != NULL;
}

/**
 * Get the capabilities that charon lacks.
 *
 * @return			their names, NULL if it has both
 */
static const char *get_missing_caps()
{
	bool bpf = lib->caps->check(lib->caps, NFLOG_CAP_BPF);
	bool perfmon = lib->caps->check(lib->caps, NFLOG_CAP_PERFMON);

	if (!bpf && !perfmon)
	{
		return "charon lacks CAP_BPF and CAP_PERFMON";
	}
	if (!bpf)
	{
		return "charon lacks CAP_BPF";
	}
	return perfmon ? NULL : "charon lacks CAP_PERFMON";
}

/**
 * Check what the kernel has to provide.
 *
 * @return			what is missing, NULL if nothing is
 */
static const char *check_kernel(const struct btf *btf)
{
	if (access(KERNEL_BTF, R_OK) != 0)
	{
		return "the kernel has no type information in " KERNEL_BTF
			   " (CONFIG_DEBUG_INFO_BTF)";
	}
	if (!btf)
	{
		return "the kernel's type information in " KERNEL_BTF " is not readable";
	}
	if (is_locked_down())
	{
		return "the kernel is in lockdown, its mode confidentiality forbids reading packets";
	}
	return get_missing_caps();
}

/**
 * Be silent, the plugin logs what failed.
 */
static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

/*
 * Described in header
 */
nflog_probe_t *nflog_probe_create(void (*cb)(void *data, struct nflog_event_t *event),
								  void *data, char *error, size_t len)
{
	private_nflog_probe_t *this;
	const char *missing;
	struct btf *btf;
	int res = 0;

	libbpf_set_print(print_nothing);
	btf = btf__load_vmlinux_btf();
	missing = check_kernel(btf);
	if (missing)
	{
		snprintf(error, len, "%s", missing);
		btf__free(btf);
		return NULL;
	}
	INIT(this,
		.public = {
			.set_pair = _set_pair,
			.set_subnet = _set_subnet,
			.get_fd = _get_fd,
			.consume = _consume,
			.get_pair_limits = _get_pair_limits,
			.get_subnet_limits = _get_subnet_limits,
			.get_nested = _get_nested,
			.get_reasons = _get_reasons,
			.destroy = _destroy,
		},
		.links = array_create(0, 0),
		.reasons = nflog_reasons_create(),
		.cb = cb,
		.data = data,
	);
	learn_names(this, btf);
	res = load_object(this, btf) ?: open_maps(this) ?: attach(this);
	btf__free(btf);
	if (res)
	{
		snprintf(error, len, res == -EPERM || res == -EACCES ?
				 "the kernel refuses BPF programs, charon requires CAP_BPF and CAP_PERFMON, "
				 "if AppArmor confines it with abstractions/nflog-capture: %s" :
				 "the kernel refuses the programs that report dropped packets: %s",
				 strerror(-res));
		destroy(this);
		return NULL;
	}
	return &this->public;
}
