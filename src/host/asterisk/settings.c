/*
 * res_coach: reads the settings in coach.conf.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "settings.h"

#include "asterisk/config.h"
#include "asterisk/strings.h"

#define FILE_NAME "coach.conf"

struct settings settings;

/* The settings, each yes or no. */
static const struct known {
	const char *name;
	int *value;
} known[] = {
	{ "tags_pass", &settings.tags_pass },
	{ "mode_sounds", &settings.mode_sounds },
};

static void set(const struct ast_variable *line)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcasecmp(line->name, known[i].name)) {
			continue;
		}
		if (ast_true(line->value)) {
			*known[i].value = 1;
		} else if (ast_false(line->value)) {
			*known[i].value = 0;
		} else {
			ast_log(LOG_ERROR, FILE_NAME ", line %d: %s is '%s': give yes or no. It stays %s\n", line->lineno, line->name,
				line->value, *known[i].value ? "yes" : "no");
		}
		return;
	}
	ast_log(LOG_ERROR, FILE_NAME ", line %d: there is no setting '%s'; it is ignored. examples/asterisk/" FILE_NAME
		" has them all\n", line->lineno, line->name);
}

void settings_read(void)
{
	struct ast_flags flags = { 0 };
	struct ast_config *config;

	settings = (struct settings) { .tags_pass = 0, .mode_sounds = 1 };
	config = ast_config_load(FILE_NAME, flags);
	if (config == CONFIG_STATUS_FILEINVALID) {
		ast_log(LOG_ERROR, FILE_NAME " cannot be read: what is usual holds\n");
		return;
	}
	if (!config) {
		return;
	}
	for (const struct ast_variable *line = ast_variable_browse(config, "general"); line; line = line->next) {
		set(line);
	}
	ast_config_destroy(config);
}
