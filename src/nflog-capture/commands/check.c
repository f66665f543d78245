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

#include <ctype.h>
#include <json-c/json.h>

#include "captures/captures.h"
#include "check/checker.h"
#include "cli/json.h"
#include "cli/text.h"
#include "commands.h"

/** options without a short form */
enum {
	OPT_REPAIR = COMMAND_LONG,
	OPT_JSON,
	OPT_DIR,
};

typedef struct report_t report_t;

/**
 * How to report findings.
 */
struct report_t {
	/** findings for JSON, NULL for text */
	json_object *findings;
	/** number of findings, and of those that were repaired */
	u_int count, repaired;
};

/**
 * Report a finding, see checker_cb_t.
 */
static void add_finding(void *data, finding_t *finding)
{
	report_t *report = data;
	json_object *object;

	report->count++;
	report->repaired += finding->repaired;
	if (!report->findings)
	{
		text_print(stdout, "%s %s%s%s\n", finding->path, finding->text,
				   finding->repaired ? ": repaired" : "; ",
				   finding->repaired ? "" : finding->remedy);
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, "path", json_object_new_string(finding->path));
	json_object_object_add(object, "kind", json_object_new_string(finding->kind));
	json_object_object_add(object, "finding", json_object_new_string(finding->text));
	json_object_object_add(object, "remedy", json_object_new_string(finding->remedy));
	json_object_object_add(object, "repaired", json_object_new_boolean(finding->repaired));
	json_object_array_add(report->findings, object);
}

/**
 * Check directories.
 *
 * @param base		directory of connections
 */
static int check(command_line_t *line, checker_t *checker, char *base)
{
	bool success = TRUE;
	char *dir;
	int i;

	for (i = 0; i < line->count; i++)
	{
		dir = captures_get_dir(base, line->operands[i]);
		success = dir && checker->check(checker, dir) && success;
		free(dir);
	}
	if (!line->count)
	{
		success = checker->check(checker, base);
	}
	return success ? STATUS_GOOD : STATUS_ERROR;
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	bool repair = FALSE, json = FALSE;
	report_t report = {};
	char *arg, *base = captures_get_base();
	checker_t *checker;
	int op, status;

	while ((op = line->next(line, &arg)))
	{
		switch (op)
		{
			case OPT_REPAIR:
				repair = TRUE;
				break;
			case OPT_JSON:
				json = TRUE;
				break;
			case OPT_DIR:
				free(base);
				base = strdup(arg);
				break;
		}
	}
	report.findings = json ? json_object_new_array() : NULL;
	checker = checker_create(repair, add_finding, &report);
	status = check(line, checker, base);
	checker->destroy(checker);
	free(base);
	if (json)
	{
		json_print(stdout, report.findings);
		fputc('\n', stdout);
		json_object_put(report.findings);
	}
	if (status == STATUS_GOOD && report.count > report.repaired)
	{
		status = STATUS_BAD;
	}
	return status;
}

/**
 * The verb.
 */
command_t command_check = {
	.name = "check",
	.text = "check directories with traces, and repair them",
	.usage = "[OPTION]... [DIRECTORY|CONNECTION]...",
	.help = "Checks if directories are whole: permissions, records of traces, key tables,\n"
			"temporary files, and if traces and keys belong together. Prints a line for\n"
			"each finding, with its remedy.",
	.run = run,
	.options = {
		{"repair", OPT_REPAIR, NULL,
		 "cut torn records, set permissions, remove temporary files;\n"
		 "a file that charon writes is left alone"},
		{"json", OPT_JSON, NULL, "print an array of JSON objects"},
		{"dir", OPT_DIR, "DIR",
		 "directory of connections (default: the plugin's option dir)"},
		{},
	},
};
