/*
 * res_coach: converts frames to signed linear samples and back.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "slin.h"

#include "asterisk/format_cache.h"

unsigned int slin_rate(const struct ast_format *format)
{
	unsigned int rate = ast_format_get_sample_rate(format);

	switch (rate) {
	case 8000: case 12000: case 16000: case 24000: case 32000: case 44100: case 48000:
		return rate;
	default:
		return 48000;
	}
}

struct ast_frame *slin_frames(struct slin *slin, struct ast_frame *frame)
{
	struct ast_format *format = frame->subclass.format;
	unsigned int rate = slin_rate(format);

	if (ast_format_cache_is_slinear(format) && rate == ast_format_get_sample_rate(format)) {
		return frame;
	}
	if (!slin->from || ast_format_cmp(slin->from, format) != AST_FORMAT_CMP_EQUAL) {
		if (slin->path) {
			ast_translator_free_path(slin->path);
		}
		/* Remembered even where there is no path: asking again for each frame would fill the log. */
		slin->path = ast_translator_build_path(ast_format_cache_get_slin_by_rate(rate), format);
		ao2_replace(slin->from, format);
	}
	return slin->path ? ast_translate(slin->path, frame, 0) : NULL;
}

void slin_done(struct slin *slin)
{
	if (slin->path) {
		ast_translator_free_path(slin->path);
	}
	ao2_cleanup(slin->from);
}
