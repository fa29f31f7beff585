/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Strings are found by their quotation marks; that is exact enough to hit values. */
#include "e2e/hostile_json.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DEPTH_MAX    5000
#define LONG_MAX_B   120000 /* above api.body_max_bytes */

struct literal {
    const char *text;
    size_t length;
};
#define LITERAL(text)          \
    {                          \
        text, sizeof(text) - 1 \
    }

static const struct literal VALUES[] = {
    LITERAL("null"),
    LITERAL("true"),
    LITERAL("0"),
    LITERAL("-1"),
    LITERAL("1e999"),
    LITERAL("99999999999999999999999"),
    LITERAL("0.1"),
    LITERAL("[]"),
    LITERAL("{}"),
    LITERAL("\"\""),
    LITERAL("\"\\u0000\""),
    LITERAL("\"\\ud800\""),
    LITERAL("\"\xff\xfe\""),
    LITERAL("\"\xc0\x80\""),
    LITERAL("\"a\0b\""),
    LITERAL("\"\\\""),
    LITERAL("NaN"),
    LITERAL("'x'"),
    LITERAL("\"latest\""),
    LITERAL("\"sha256:0\""),
    LITERAL("\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\""),
    LITERAL("\"'; DROP TABLE charge; --\""),
    LITERAL("\"%s%n%x\""),
    LITERAL("\"../../../etc/passwd\""),
};

static const struct literal PIECES[] = {
    LITERAL("\"product\":\"x\","),
    LITERAL("\"surprise\":1,"),
    LITERAL(","),
    LITERAL("}"),
    LITERAL("]"),
    LITERAL("{"),
    LITERAL("["),
    LITERAL("\0"),
    LITERAL("\"licenses\":[],"),
    LITERAL("/* */"),
    LITERAL(":"),
    LITERAL("\""),
    LITERAL("\xef\xbb\xbf"),
    LITERAL("\"__proto__\":{},"),
};

/* A random string of the text with its quotation marks; false when there is none. */
static bool find_string(struct dice *dice, const struct text *text, size_t *ret_at,
                        size_t *ret_length)
{
    size_t from = dice_roll(dice, text->length);
    const char *first = memchr(text->data + from, '"', text->length - from);
    if (first == NULL)
        return false;
    size_t at = (size_t)(first - text->data);
    const char *last = memchr(first + 1, '"', text->length - at - 1);
    if (last == NULL)
        return false;
    *ret_at = at;
    *ret_length = (size_t)(last - first) + 1;
    return true;
}

static void replace_string(struct dice *dice, struct text *text, const char *data, size_t length)
{
    size_t at = 0;
    size_t old = 0;
    if (find_string(dice, text, &at, &old))
        text_splice(text, at, old, data, length);
}

static void nest(struct dice *dice, struct text *text)
{
    struct text deep = {0};
    char open = dice_in_100(dice, 50) ? '[' : '{';
    text_fill(&deep, open, 1 + dice_roll(dice, dice_in_100(dice, 50) ? 12 : DEPTH_MAX));
    text_fill(&deep, open == '[' ? ']' : '}', dice_in_100(dice, 70) ? deep.length : 0);
    replace_string(dice, text, deep.data, deep.length);
    text_clear(&deep);
}

static void lengthen(struct dice *dice, struct text *text)
{
    struct text pad = {0};
    text_print(&pad, "\"");
    text_fill(&pad, dice_in_100(dice, 50) ? 'A' : '\\', dice_roll(dice, LONG_MAX_B));
    text_print(&pad, "\"");
    replace_string(dice, text, pad.data, pad.length);
    text_clear(&pad);
}

void hostile_json_attack(struct dice *dice, struct text *text)
{
    const struct literal *value = &VALUES[dice_roll(dice, COUNT(VALUES))];
    const struct literal *piece = &PIECES[dice_roll(dice, COUNT(PIECES))];
    switch (dice_roll(dice, 7)) {
    case 0:
    case 1:
        replace_string(dice, text, value->text, value->length);
        break;
    case 2:
        text_splice(text, dice_in_100(dice, 50) ? 1 : dice_roll(dice, text->length), 0, piece->text,
                    piece->length);
        break;
    case 3:
        nest(dice, text);
        break;
    case 4:
        lengthen(dice, text);
        break;
    case 5:
        text->length = dice_roll(dice, text->length);
        break;
    default:
        text_damage(text, dice);
        break;
    }
}
