/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl image list, by the vault or over REST. Owns no state. */
#include <string.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "core/clock.h"

static const struct record_field IMAGE_FIELDS[] = {
    {"IMAGE", "image", RECORD_TEXT, false, NULL},
    {"LABEL", "label", RECORD_TEXT, false, NULL},
    {"ALIAS", "alias", RECORD_TEXT, true, NULL},
    {"STATE", "enabled", RECORD_ENABLED, false, NULL},
    {"CREATED", "created_at", RECORD_TEXT, false, NULL},
    {"BYTES", "size", RECORD_NUMBER, false, NULL},
    {NULL, "latest", RECORD_YES, false, NULL},
};

static const struct reading_list LIST = {"images", "images", IMAGE_FIELDS,
                                         sizeof IMAGE_FIELDS / sizeof IMAGE_FIELDS[0], 0};

static json_t *image_to_json(const Provisiond__ImageEntry *image, const struct sha256 *digest,
                             const char *product)
{
    char created[TIMESTAMP_SIZE];
    timestamp_format(image->created_unix_ms, created);
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:I, s:b, s:b, s:s}", "image", output_digest(digest), "product",
        output_text(product), "label", output_text(image->label), "size", (json_int_t)image->size,
        "enabled", (int)image->enabled, "latest", (int)image->latest, "created_at", created);
    if (object != NULL && image->alias[0] != '\0')
        (void)json_object_set_new(object, "alias", output_text(image->alias));
    return object;
}

/* All digests first, so that a wrong answer prints nothing. */
static enum error read_images(const Provisiond__ImageListReply *list, const char *product,
                              json_t *images, struct failure *failure)
{
    struct sha256 digest;
    enum error e = ERR_OK;
    for (size_t i = 0; i < list->n_images && e == ERR_OK; i++) {
        const Provisiond__ImageEntry *image = list->images[i];
        e = admin_read_digest(image->image, &digest, failure);
        if (e == ERR_OK &&
            json_array_append_new(images, image_to_json(image, &digest, product)) != 0)
            e = failure_set_memory(failure);
    }
    return e == ERR_OK ? record_check_list(images, LIST.fields, LIST.count, failure) : e;
}

static enum error list_by_vault(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__ImageListRequest list = PROVISIOND__IMAGE_LIST_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    list.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_LIST;
    request.image_list = &list;
    enum error e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    json_t *images = json_array();
    e = read_images(reply->image_list, list.product, images, failure);
    if (e == ERR_OK)
        e = reading_show_list(arguments, images, &LIST, failure);
    json_decref(images);
    return e;
}

enum error command_image_list(const struct arguments *arguments, struct failure *failure)
{
    bool is_rest = false;
    enum error e = reading_is_asked(arguments, &is_rest, failure);
    if (e != ERR_OK)
        return e;
    if (!is_rest)
        return list_by_vault(arguments, failure);
    return reading_print_whole(arguments, "/v1/images", OPTIONS(OPTION_PRODUCT), &LIST, failure);
}
