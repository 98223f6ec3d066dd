/*
 * res_coach: recognizes settings that were meant for Coach and are spelt so that they do not reach it.
 *
 * Asterisk takes `speakOnlyTo=agent`, `__memberTag=agent` and `COACH(speakOnlyTo) =agent` for variables of the call's own, and goes on
 * where a function is not registered, as `_COACH` or `coach` are not. Such a call speaks openly, while somebody believes that it is private.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "misspelt.h"

#include "asterisk/astobj2.h"
#include "asterisk/chanvars.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"

#define RIGHT "run Coach(speakOnlyTo=<tag>) or Coach(memberTag=<tag>) before ConfBridge, or Set(COACH(speakOnlyTo)=<tag>)"

/* ------------------------------------------------------------------------------------------------- functions ---- */

static int misspelt_read(struct ast_channel *chan, const char *function, char *key, char *buffer, size_t size)
{
	*buffer = '\0';
	ast_log(LOG_WARNING, "'%s(%s)': the function is COACH\n", function, S_OR(key, ""));
	return -1;
}

/* Asterisk goes on after an error: the call would join openly. */
static int misspelt_write(struct ast_channel *chan, const char *function, char *key, const char *value)
{
	ast_log(LOG_ERROR, "'%s(%s)' of %s: the function is COACH, with no underscore, no blank and in capitals. %s\n", function,
		S_OR(key, ""), chan ? ast_channel_name(chan) : "no channel", chan ? "Its call ends" : "Nothing is set");
	if (chan) {
		ast_softhangup(chan, AST_SOFTHANGUP_EXPLICIT);
	}
	return -1;
}

#define MISSPELT(as) { .name = as, .synopsis = "Misspelt: the function is COACH", .desc = "Setting it ends the call.", \
	.syntax = "COACH(memberTag|speakOnlyTo|untag|uncoach)", .read = misspelt_read, .write = misspelt_write }

/* Names of functions are compared byte for byte. Underscores in front make variables that other channels inherit. */
static struct ast_custom_function functions[] = {
	MISSPELT("_COACH"), MISSPELT("__COACH"), MISSPELT("coach"), MISSPELT("Coach"), MISSPELT(" COACH"), MISSPELT("COACH "),
};

int misspelt_start(void)
{
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		failed |= ast_custom_function_register(&functions[i]);
	}
	return failed;
}

void misspelt_stop(void)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		ast_custom_function_unregister(&functions[i]);
	}
}

/* ------------------------------------------------------------------------------------------------- variables ---- */

/* Whether a text is a word, or begins with it, in whatever case, with blanks, underscores and hyphens anywhere. `word` has lower-case
 * letters and brackets. */
static int spells(const char *text, const char *word, int whole)
{
	for (;; text++) {
		if (strchr(" \t_-", *text) && *text) {
			continue;
		}
		if (!*word) {
			return !whole || !*text;
		}
		if (tolower((unsigned char) *text) != *word++) {
			return 0;
		}
	}
}

int names_speak_only_to(const char *text)
{
	for (; *text; text++) {
		if (spells(text, "speakonlyto", 0)) {
			return 1;
		}
	}
	return 0;
}

/* Logs each variable of a call in a conference that was meant for Coach, unless Coach was told that too. Whether one assigns speakOnlyTo to
 * the function itself, so that there is no doubt that the call was to be private. */
static int told_of(struct ast_channel *chan, int has_tags, int private)
{
	struct ast_var_t *variable;
	int doubtless = 0;

	ast_channel_lock(chan);
	AST_LIST_TRAVERSE(ast_channel_varshead(chan), variable, entries) {
		const char *name = ast_var_full_name(variable), *value = ast_var_value(variable);
		int is_function = spells(name, "coach(", 0);
		int is_mode = is_function ? names_speak_only_to(name) : spells(name, "speakonlyto", 1);
		int is_tag = !is_mode && (is_function ? spells(name, "coach(membertag", 0) : spells(name, "membertag", 1));

		/* An empty variable of the call's own says nothing. */
		if ((is_mode ? private : !is_tag || has_tags) || (!is_function && ast_strlen_zero(value))) {
			continue;
		}
		doubtless |= is_function && is_mode;
		ast_log(LOG_WARNING, "%s is in a conference with the variable '%s' set to '%s', which Coach does not read: %s. To set it, " RIGHT
			"\n", ast_channel_name(chan), name, value, !is_mode ? "it does not have these tags"
			: is_function ? "it is private to nobody from now on" : "it speaks openly");
	}
	ast_channel_unlock(chan);
	return doubtless;
}

int misspelt_variables(struct leg *leg, struct ast_channel *chan)
{
	int has_tags, private;

	ao2_lock(leg);
	has_tags = leg->tags != NULL;
	private = leg->speak_only_to != NULL;
	ao2_unlock(leg);
	return told_of(chan, has_tags, private);
}
