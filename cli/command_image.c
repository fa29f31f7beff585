/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl image enable, disable, alias and unalias. Owns no state. */
#include <stdio.h>
#include <string.h>

#include "cli/admin.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/output.h"

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
