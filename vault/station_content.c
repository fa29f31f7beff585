/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /v1/images/{digest}/content, and an image by its alias. Owns no state. */
#include <string.h>

#include "vault/scope.h"
#include "vault/station_roles.h"
#include "vault/station_task.h"

/* An alias names an image of one product, which decides. Only a station's loader asks by one. */
static enum error find_named(struct vault *vault, const struct ledger_principal *caller,
                             const char *alias, struct answer *answer)
{
    struct ledger_alias names;
    struct ledger_product product;
    struct ledger_image image;
    if (caller->role != LEDGER_STATION)
        return station_refuse_role(1U << LEDGER_STATION, caller->role, &answer->fault);
    enum error e = ledger_alias_get(vault->ledger, alias, &names, &answer->fault);
    if (e == ERR_OK)
        e = scope_check_product(caller, names.product, &answer->fault);
    if (e == ERR_OK)
        e = recipe_find_image(vault->ledger, names.product, &names.digest, &product, &image,
                              &answer->fault);
    if (e == ERR_OK)
        answer->values.content = names.digest;
    return e;
}

/* Whether one of the products that the caller is narrowed to has the image. */
static enum error find_in_scope(struct vault *vault, const struct ledger_principal *caller,
                                struct answer *answer)
{
    struct ledger_product product;
    struct ledger_image image;
    char name[LEDGER_NAME_MAX + 1];
    const char *position = caller->scope.products;
    while (scope_next(&position, name)) {
        enum error e = recipe_find_image(vault->ledger, name, &answer->values.content, &product,
                                         &image, &answer->fault);
        if (e != ERR_PRODUCT_UNKNOWN && e != ERR_IMAGE_UNKNOWN)
            return e;
    }
    return fault_set(&answer->fault, ERR_IMAGE_UNKNOWN, "image-unknown",
                     "No product that the caller may see has this image.", 0);
}

static enum error find_content(struct vault *vault, const Provisiond__ImageContentRequest *asked,
                               const struct ledger_principal *caller, struct answer *answer)
{
    bool has_alias = asked->alias[0] != '\0';
    if (has_alias && (asked->image.len > 0 || !name_is_valid(asked->alias, LEDGER_NAME_MAX)))
        return station_refuse_field(&answer->fault, "alias");
    if (has_alias)
        return find_named(vault, caller, asked->alias, answer);
    if (!station_read_digest(&asked->image, &answer->values.content))
        return station_refuse_field(&answer->fault, "image");
    if (caller->scope.products[0] != '\0')
        return find_in_scope(vault, caller, answer);
    return ledger_image_exists(vault->ledger, &answer->values.content, &answer->fault);
}

enum error station_image_content(struct vault *vault, const request_message *message,
                                 const struct ledger_principal *caller, struct answer *answer)
{
    struct sha256 *digest = &answer->values.content;
    uint64_t size = 0;
    enum error e = find_content(vault, message->image_content, caller, answer);
    if (e == ERR_OK)
        e = image_store_open_image(vault->images, digest, &answer->file, &size, &answer->fault);
    if (e != ERR_OK)
        return e;
    provisiond__image_content_reply__init(&answer->result.content);
    answer->result.content.size = size;
    answer->result.content.image = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = digest->bytes};
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_IMAGE_CONTENT;
    answer->message.image_content = &answer->result.content;
    return ERR_OK;
}
