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

#include "command.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>

/** plugins of libstrongswan, as far as they are installed; the first one that has an
 * algorithm provides it, so they are in the order of their speed (HMAC_SHA2_256 of 1400
 * bytes: 1.4 us by hmac with gcrypt's SHA-256, 2.0 us by openssl, 8.6 us by hmac with
 * sha2), but for what libcrypto and libgcrypt may register and then refuse (DES, MD5) */
#define PLUGINS "des md5 gcrypt aesni hmac openssl aes sha1 sha2 xcbc cmac ctr ccm " \
				"gcm chapoly camellia random nonce"

/** what getopt_long() returns for --help and --version without a short option */
#define OPT_HELP (2 * COMMAND_LONG)
#define OPT_VERSION (OPT_HELP + 1)

/** widest option in the help, descriptions of wider ones begin on the next line */
#define OPTION_WIDTH 24

typedef struct private_command_line_t private_command_line_t;
typedef struct given_t given_t;

/**
 * An option that was given.
 */
struct given_t {
	/** its op */
	int op;
	/** its argument, NULL if it has none */
	char *arg;
};

/**
 * Private data.
 */
struct private_command_line_t {

	/**
	 * Public interface.
	 */
	command_line_t public;

	/**
	 * The verb.
	 */
	command_t *command;

	/**
	 * Options that were given.
	 */
	given_t *given;

	/**
	 * Number of these that were passed to the verb.
	 */
	int passed;
};

METHOD(command_line_t, next, int,
	private_command_line_t *this, char **arg)
{
	given_t *given;

	if (this->passed == this->public.options)
	{
		return 0;
	}
	given = &this->given[this->passed++];
	*arg = given->arg;
	return given->op;
}

METHOD(command_line_t, refuse, int,
	private_command_line_t *this, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vprint(stderr, fmt, args);
	va_end(args);
	text_print(stderr, "\n'nflog-capture %s --help' describes the usage\n",
			   this->command->name);
	return STATUS_ERROR;
}

/**
 * Print one line of the list of options, and the following ones of its description.
 */
static void print_option(char *name, int op, char *arg, char *text)
{
	char buf[128];
	int width;

	width = snprintf(buf, sizeof(buf), "  %c%c%s --%s%s%s",
					 op < COMMAND_LONG ? '-' : ' ', op < COMMAND_LONG ? op : ' ',
					 op < COMMAND_LONG ? "," : " ", name, arg ? " " : "", arg ?: "");
	if (width > OPTION_WIDTH)
	{
		text_print(stdout, "%s\n%*s", buf, OPTION_WIDTH + 2, "");
	}
	else
	{
		text_print(stdout, "%-*s", OPTION_WIDTH + 2, buf);
	}
	for (; *text; text++)
	{
		putchar(*text);
		if (*text == '\n')
		{
			text_print(stdout, "%*s", OPTION_WIDTH + 2, "");
		}
	}
	putchar('\n');
}

/**
 * Print the help of a verb.
 */
static int print_help(command_t *command)
{
	command_option_t *option;

	text_print(stdout, "usage: nflog-capture %s %s\n\n", command->name,
			   command->usage);
	fputs(command->help, stdout);
	fputs("\n\n", stdout);
	for (option = command->options; option->name; option++)
	{
		print_option(option->name, option->op, option->arg, option->text);
	}
	print_option("help", 'h', NULL, "show this help");
	print_option("version", COMMAND_LONG, NULL, "show the version");
	return STATUS_GOOD;
}

/**
 * Print the help of the program.
 */
static int print_commands(FILE *file, command_t *commands[], int status)
{
	int i;

	text_print(file, "usage: nflog-capture COMMAND [OPTION]... [ARGUMENT]...\n\n");
	for (i = 0; commands[i]; i++)
	{
		text_print(file, "  %-10s %s\n", commands[i]->name, commands[i]->text);
	}
	text_print(file, "\n'nflog-capture COMMAND --help' describes a command, "
			   "'nflog-capture --version' prints\nthe version, and nflog-capture(1) "
			   "has the details.\n");
	return status;
}

/**
 * Print the version, and that of the strongSwan release that this was built for.
 */
static int print_version()
{
	text_print(stdout, "nflog-capture %s (strongSwan %s)\n", NFLOG_CAPTURE_VERSION,
			   VERSION);
	return STATUS_GOOD;
}

/**
 * Print why an option can't be used, after getopt_long() refused it.
 *
 * @param opts		all options
 * @param lacking	TRUE if its argument is missing
 * @param arg		argument that was parsed last
 */
static int refuse_option(private_command_line_t *this, struct option *opts, bool lacking,
						 char *arg)
{
	struct option *opt;
	bool known = FALSE;
	int count = 0;

	for (opt = opts; opt->name; opt++)
	{
		known |= opt->val == optopt;
		count += !optopt && strpfx(opt->name, arg + 2);
	}
	if (lacking && strpfx(arg, "--"))
	{
		return this->public.refuse(&this->public, "option '%s' requires an argument", arg);
	}
	if (lacking)
	{
		return this->public.refuse(&this->public, "option '-%c' requires an argument",
								   optopt);
	}
	if (known)
	{
		return this->public.refuse(&this->public, "option '%s' takes no argument", arg);
	}
	if (optopt)
	{	/* the argument is another one if more options follow in its own */
		return this->public.refuse(&this->public, "unknown option '-%c'", optopt);
	}
	return this->public.refuse(&this->public, count > 1 ? "option '%s' is ambiguous"
							   : "unknown option '%s'", arg);
}

/**
 * Parse the options of a verb.
 *
 * @return			exit status if there is nothing to run, -1 otherwise
 */
static int parse(private_command_line_t *this, int argc, char *argv[])
{
	struct option opts[COMMAND_MAX_OPTIONS + 2] = {};
	/* with a colon first, getopt_long() prints nothing, but says which error it is */
	char shorts[2 * COMMAND_MAX_OPTIONS + 3] = ":h", *pos = shorts + 2;
	command_option_t *option;
	int op, count = 0;

	for (option = this->command->options; option->name; option++)
	{
		opts[count++] = (struct option){
			option->name, option->arg ? required_argument : no_argument, NULL,
			option->op,
		};
		if (option->op < COMMAND_LONG)
		{
			*pos++ = option->op;
			*pos = ':';
			pos += option->arg ? 1 : 0;
		}
	}
	*pos = '\0';
	opts[count++] = (struct option){ "help", no_argument, NULL, OPT_HELP };
	opts[count++] = (struct option){ "version", no_argument, NULL, OPT_VERSION };
	while ((op = getopt_long(argc, argv, shorts, opts, NULL)) != -1)
	{
		switch (op)
		{
			case 'h':
			case OPT_HELP:
				return print_help(this->command);
			case OPT_VERSION:
				return print_version();
			case '?':
			case ':':
				return refuse_option(this, opts, op == ':', argv[optind - 1]);
			default:
				this->given[this->public.options++] = (given_t){ op, optarg };
				break;
		}
	}
	this->public.operands = argv + optind;
	this->public.count = argc - optind;
	return -1;
}

/**
 * Run a verb.
 *
 * @param argv		the verb, then its arguments, NULL-terminated
 */
static int run(command_t *command, int argc, char *argv[])
{
	private_command_line_t this = {
		.public = {
			.next = _next,
			.refuse = _refuse,
		},
		.command = command,
	};
	/* options in one argument are no more than its characters */
	size_t most = argc;
	int i, status;

	for (i = 1; i < argc; i++)
	{
		most += strlen(argv[i]);
	}
	this.given = calloc(most, sizeof(given_t));
	status = parse(&this, argc, argv);
	if (status < 0)
	{
		status = command->run(&this.public);
	}
	free(this.given);
	return status;
}

/**
 * Run what the first argument names.
 */
static int dispatch(command_t *commands[], int argc, char *argv[])
{
	int i;

	if (argc < 2)
	{
		return print_commands(stderr, commands, STATUS_ERROR);
	}
	if (streq(argv[1], "-h") || streq(argv[1], "help") ||
		/* as getopt_long() would complete it */
		(strlen(argv[1]) > 2 && strpfx("--help", argv[1])))
	{
		return print_commands(stdout, commands, STATUS_GOOD);
	}
	if (strlen(argv[1]) > 2 && strpfx("--version", argv[1]))
	{
		return print_version();
	}
	for (i = 0; commands[i]; i++)
	{
		if (streq(argv[1], commands[i]->name))
		{
			return run(commands[i], argc - 1, argv + 1);
		}
	}
	text_print(stderr, "unknown %s '%s', 'nflog-capture --help' lists the commands\n",
			   *argv[1] == '-' ? "option" : "command", argv[1]);
	return STATUS_ERROR;
}

/*
 * Described in header
 */
int command_dispatch(command_t *commands[], int argc, char *argv[])
{
	int status = dispatch(commands, argc, argv);

	if (fflush(stdout) != 0 && status == STATUS_GOOD)
	{
		if (errno != EPIPE)
		{	/* such as head(1), which has read enough */
			text_print(stderr, "unable to write to stdout: %s\n", strerror(errno));
		}
		status = STATUS_BAD;
	}
	return status;
}

/*
 * Described in header
 */
bool command_load_algorithms()
{
	if (!lib->plugins->load(lib->plugins, PLUGINS))
	{
		text_print(stderr, "unable to load the plugins of libstrongswan\n");
		return FALSE;
	}
	return TRUE;
}
