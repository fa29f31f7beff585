/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl image list, enable, disable, alias and unalias. Owns no state. */
#include <stdio.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/clock.h"

/* ---- the list ---- */

/* All digests first, so that a wrong answer prints nothing. */
static enum error check_images(const Provisiond__ImageListReply *list, struct failure *failure)
{
    struct sha256 digest;
    enum error e = ERR_OK;
    for (size_t i = 0; i < list->n_images && e == ERR_OK; i++)
        e = admin_read_digest(list->images[i]->image, &digest, failure);
    return e;
}

static struct sha256 digest_of(const Provisiond__ImageEntry *image)
{
    struct sha256 digest;
    memcpy(digest.bytes, image->image.data, SHA256_SIZE);
    return digest;
}

static json_t *image_to_json(const Provisiond__ImageEntry *image)
{
    struct sha256 digest = digest_of(image);
    char created[TIMESTAMP_SIZE];
    timestamp_format(image->created_unix_ms, created);
    return json_pack("{s:o, s:o, s:o, s:I, s:b, s:b, s:s}", "image", output_digest(&digest),
                     "label", output_text(image->label), "alias", output_text(image->alias), "size",
                     (json_int_t)image->size, "enabled", (int)image->enabled, "latest",
                     (int)image->latest, "created", created);
}

static enum error print_images_json(const Provisiond__ImageListReply *list, struct failure *failure)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->n_images; i++)
        (void)json_array_append_new(array, image_to_json(list->images[i]));
    return output_json(json_pack("{s:o}", "images", array), failure);
}

static const char *state_of(const Provisiond__ImageEntry *image)
{
    if (!image->enabled)
        return "disabled";
    return image->latest ? "latest" : "enabled";
}

static void add_image(struct table *table, const Provisiond__ImageEntry *image)
{
    struct sha256 digest = digest_of(image);
    char reference[IMAGE_REFERENCE_SIZE];
    char created[TIMESTAMP_SIZE];
    char size[NUMBER_TEXT_SIZE];
    image_reference_format(&digest, reference);
    timestamp_format(image->created_unix_ms, created);
    const char *const cells[] = {reference,    image->label,
                                 image->alias, state_of(image),
                                 created,      text_number((int64_t)image->size, size)};
    table_add_row(table, cells);
}

static enum error print_images(const Provisiond__ImageListReply *list, struct failure *failure)
{
    static const struct table_column columns[] = {{"IMAGE", false},   {"LABEL", false},
                                                  {"ALIAS", false},   {"STATE", false},
                                                  {"CREATED", false}, {"BYTES", true}};
    TABLE_AUTO table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->n_images; i++)
        add_image(table, list->images[i]);
    output_note_empty(list->n_images, "images");
    return table_print(table, stdout) == ERR_OK ? ERR_OK : failure_set_memory(failure);
}

enum error command_image_list(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__ImageListRequest list = PROVISIOND__IMAGE_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_LIST;
    request.image_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = check_images(reply->image_list, failure);
    if (e != ERR_OK)
        return e;
    return arguments_has(arguments, OPTION_JSON) ? print_images_json(reply->image_list, failure)
                                                 : print_images(reply->image_list, failure);
}

/* ---- enable and disable ---- */

static enum error read_operand(const struct arguments *arguments, struct sha256 *ret_digest,
                               struct failure *failure)
{
    if (answer_parse_digest(arguments->operands[0], ret_digest))
        return ERR_OK;
    return failure_set_usage(failure, "%s is no digest; it looks like sha256: and 64 digits",
                             arguments->operands[0]);
}

static enum error set_enabled(const struct arguments *arguments, bool is_enabled,
                              struct failure *failure)
{
    Provisiond__ImageEnableRequest enable = PROVISIOND__IMAGE_ENABLE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    struct sha256 digest;
    enum error e = read_operand(arguments, &digest, failure);
    if (e != ERR_OK)
        return e;
    enable.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    enable.image = (ProtobufCBinaryData){.data = digest.bytes, .len = SHA256_SIZE};
    enable.enabled = is_enabled;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENABLE;
    request.image_enable = &enable;
    e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:o, s:b}", "image", output_digest(&digest), "enabled", (int)is_enabled),
            failure);
    (void)printf("The image is %s.\n", is_enabled ? "enabled" : "disabled");
    return ERR_OK;
}

enum error command_image_enable(const struct arguments *arguments, struct failure *failure)
{
    return set_enabled(arguments, true, failure);
}

enum error command_image_disable(const struct arguments *arguments, struct failure *failure)
{
    return set_enabled(arguments, false, failure);
}

/* ---- names ---- */

/* What came of a name, for the output. */
struct naming {
    struct sha256 image;
    const char *alias;
    bool is_moved; /* from another image */
    struct sha256 moved_from;
    const char *was_called;
    bool is_enabled;
};

static enum error read_naming(const Provisiond__ImageAliasReply *reply, struct naming *naming,
                              struct failure *failure)
{
    naming->was_called = reply->was_called;
    naming->is_enabled = reply->enabled;
    naming->is_moved = reply->moved_from.len > 0;
    return naming->is_moved ? admin_read_digest(reply->moved_from, &naming->moved_from, failure)
                            : ERR_OK;
}

static enum error print_naming_json(const struct naming *naming, struct failure *failure)
{
    return output_json(
        json_pack("{s:o, s:o, s:o, s:o, s:b}", "image", output_digest(&naming->image), "alias",
                  output_text(naming->alias), "was_called", output_text(naming->was_called),
                  "moved_from",
                  naming->is_moved ? output_digest(&naming->moved_from) : output_text(""),
                  "enabled", (int)naming->is_enabled),
        failure);
}

static void print_naming(const struct naming *naming)
{
    char reference[IMAGE_REFERENCE_SIZE];
    if (naming->alias[0] != '\0')
        (void)printf("The image is called %s now", naming->alias);
    else
        (void)printf("The image has no name now");
    if (naming->was_called[0] != '\0')
        (void)printf("; it was called %s", naming->was_called);
    (void)puts(".");
    if (naming->is_moved) {
        image_reference_format(&naming->moved_from, reference);
        (void)printf("The name was moved from %s.\n", reference);
    }
    if (naming->alias[0] != '\0' && !naming->is_enabled)
        (void)fputs("Note: the image is disabled, stations get nothing by this name.\n", stderr);
}

/* "" takes the name away. */
static enum error set_alias(const struct arguments *arguments, const char *alias,
                            struct failure *failure)
{
    Provisiond__ImageAliasRequest name = PROVISIOND__IMAGE_ALIAS_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    struct naming naming = {.alias = alias};
    enum error e = read_operand(arguments, &naming.image, failure);
    if (e != ERR_OK)
        return e;
    name.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    name.image = (ProtobufCBinaryData){.data = naming.image.bytes, .len = SHA256_SIZE};
    name.alias = (char *)alias;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ALIAS;
    request.image_alias = &name;
    e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = read_naming(reply->image_alias, &naming, failure);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return print_naming_json(&naming, failure);
    print_naming(&naming);
    return ERR_OK;
}

enum error command_image_alias(const struct arguments *arguments, struct failure *failure)
{
    return set_alias(arguments, arguments->operands[1], failure);
}

enum error command_image_unalias(const struct arguments *arguments, struct failure *failure)
{
    return set_alias(arguments, "", failure);
}
