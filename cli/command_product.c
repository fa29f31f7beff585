/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl product create, product list and quota add. Owns no state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/account.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/output.h"
#include "cli/device_options.h"
#include "cli/st_options.h"

/* The ledger's own limits. */
#define QUOTA_MAX    INT64_C(1000000000000)
#define ATTEMPTS_MAX 1000000

struct creation {
    const char *profile;
    const char *policy; /* "" for the vault's default */
    int64_t quota;
    int64_t attempts_max; /* 0: no limit */
    char *anchors;        /* PEM */
    struct st_options st;
    char options[DEVICE_OPTIONS_SIZE];
};

static bool is_st_sfi(const struct creation *creation)
{
    return strcmp(creation->profile, ST_PROFILE) == 0;
}

/* What a unit pays for, and how often a device may ask. */
static enum error read_policy(const struct arguments *arguments, struct creation *creation,
                              struct failure *failure)
{
    creation->policy = arguments_get_or(arguments, OPTION_POLICY, "");
    if (arguments_has(arguments, OPTION_POLICY) && strcmp(creation->policy, "per-device") != 0 &&
        strcmp(creation->policy, "per-license") != 0)
        return failure_set_usage(failure, "--policy is per-device or per-license");
    if (!arguments_has(arguments, OPTION_ATTEMPTS_MAX))
        return ERR_OK;
    return arguments_get_number(arguments, OPTION_ATTEMPTS_MAX, 1, ATTEMPTS_MAX,
                                &creation->attempts_max, failure);
}

static enum error read_creation(const struct arguments *arguments, struct creation *creation,
                                struct failure *failure)
{
    creation->profile = arguments_get_or(arguments, OPTION_PROFILE, "cms");
    enum error e = device_options_check_profile(creation->profile, failure);
    if (e == ERR_OK)
        e = arguments_get_number(arguments, OPTION_QUOTA, 0, QUOTA_MAX, &creation->quota, failure);
    if (e == ERR_OK)
        e = read_policy(arguments, creation, failure);
    if (e == ERR_OK)
        e = st_options_read(arguments, is_st_sfi(creation), &creation->st, failure);
    if (e == ERR_OK)
        e = device_options_read(arguments, creation->profile, creation->options, failure);
    if (e == ERR_OK)
        e = device_options_anchors(arguments, creation->profile, &creation->anchors, failure);
    return e;
}

static enum error ask_create(const struct arguments *arguments, struct creation *creation,
                             struct failure *failure)
{
    Provisiond__ProductCreateRequest create = PROVISIOND__PRODUCT_CREATE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    create.name = (char *)arguments->operands[0];
    create.profile = (char *)creation->profile;
    create.policy = (char *)creation->policy;
    create.quota = creation->quota;
    create.attempts_max = creation->attempts_max;
    create.anchors = (ProtobufCBinaryData){.data = (uint8_t *)creation->anchors,
                                           .len = strlen(creation->anchors)};
    create.allow_session_key_exposure = arguments_has(arguments, OPTION_ALLOW_SESSION_KEY_EXPOSURE);
    create.options = creation->options;
    create.st = is_st_sfi(creation) ? &creation->st.message : NULL;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_PRODUCT_CREATE;
    request.product_create = &create;
    return admin_ask(arguments, &request, -1, &reply, failure);
}

enum error command_product_create(const struct arguments *arguments, struct failure *failure)
{
    struct creation creation = {.anchors = NULL};
    const char *name = arguments->operands[0];
    enum error e = read_creation(arguments, &creation, failure);
    if (e == ERR_OK)
        e = ask_create(arguments, &creation, failure);
    free(creation.anchors);
    if (e != ERR_OK)
        return e;
    if (arguments_has(arguments, OPTION_JSON))
        return output_json(json_pack("{s:o, s:I}", "product", output_text(name), "quota",
                                     (json_int_t)creation.quota),
                           failure);
    (void)printf("Product %s created with a quota of %" PRId64 " (%s).\n", name, creation.quota,
                 ACCOUNT_LOCAL);
    return ERR_OK;
}

/* ---- quota add ---- */

static enum error print_added(const Provisiond__QuotaAddRequest *add,
                              const Provisiond__QuotaAddReply *reply, bool is_json,
                              struct failure *failure)
{
    if (is_json)
        return output_json(json_pack("{s:o, s:I, s:I}", "product", output_text(add->product),
                                     "quota", (json_int_t)reply->quota, "scrap_allowance",
                                     (json_int_t)reply->scrap_allowance),
                           failure);
    (void)printf("The %s of %s is now %" PRId64 ".\n", add->scrap ? "scrap allowance" : "quota",
                 add->product, add->scrap ? reply->scrap_allowance : reply->quota);
    return ERR_OK;
}

enum error command_quota_add(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__QuotaAddRequest add = PROVISIOND__QUOTA_ADD_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    add.product = (char *)arguments->operands[0];
    add.scrap = arguments_has(arguments, OPTION_SCRAP);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_QUOTA_ADD;
    request.quota_add = &add;
    enum error e = arguments_get_number(arguments, OPTION_UNITS, 1, QUOTA_MAX, &add.units, failure);
    if (e == ERR_OK)
        e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e != ERR_OK)
        return e;
    return print_added(&add, reply->quota_add, arguments_has(arguments, OPTION_JSON), failure);
}
