/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl image show: one digest, of each product that has it. Owns no state. */
#include <stdio.h>

#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/reading.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct record_field IMAGE_PAGE[] = {
    {"Image", "image", RECORD_TEXT, false, NULL},
    {"Product", "product", RECORD_TEXT, false, NULL},
    {"Label", "label", RECORD_TEXT, false, NULL},
    {"Alias", "alias", RECORD_TEXT, true, NULL},
    {"State", "enabled", RECORD_ENABLED, false, NULL},
    {"Created", "created_at", RECORD_TEXT, false, NULL},
    {"Bytes", "size", RECORD_NUMBER, false, NULL},
    {NULL, "latest", RECORD_YES, false, NULL},
    {"Content", "content", RECORD_TEXT, true, NULL},
    {"IV", "iv", RECORD_TEXT, true, NULL},
    {"Tag", "tag", RECORD_TEXT, true, NULL},
    {"Additional data", "aad", RECORD_TEXT, true, NULL},
};

static enum error print_images(const json_t *images, struct failure *failure)
{
    enum error e = ERR_OK;
    for (size_t i = 0; i < json_array_size(images) && e == ERR_OK; i++) {
        if (i > 0)
            (void)putchar('\n');
        e = record_print(json_array_get(images, i), IMAGE_PAGE, COUNT(IMAGE_PAGE), failure);
    }
    return e;
}

enum error command_image_show(const struct arguments *arguments, struct failure *failure)
{
    struct sha256 digest;
    char reference[IMAGE_REFERENCE_SIZE];
    char path[128];
    json_t *answer = NULL;
    if (!answer_parse_digest(arguments->operands[0], &digest))
        return failure_set_usage(failure, "%s is no digest; it looks like sha256: and 64 digits",
                                 arguments->operands[0]);
    image_reference_format(&digest, reference);
    (void)snprintf(path, sizeof path, "/v1/images/%s", reference);
    enum error e = reading_get(arguments, path, &answer, failure);
    if (e != ERR_OK)
        return e;
    const json_t *images = json_object_get(answer, "images");
    if (!json_is_array(images))
        e = reading_fail(failure, "images");
    if (e == ERR_OK)
        e = record_check_list(images, IMAGE_PAGE, COUNT(IMAGE_PAGE), failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_JSON))
        e = output_json(json_incref(answer), failure);
    else if (e == ERR_OK)
        e = print_images(images, failure);
    json_decref(answer);
    return e;
}
