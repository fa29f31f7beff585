/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Local administration of products: making one, units, budgets, a device that got a new key. What a
 * governed product allows of it is refused by the ledger. Owns no state.
 */
#include "vault/admin_task.h"

#include <string.h>

#include "core/bytes.h"
#include "vault/governance.h"
#include "vault/hsm_watch.h"
#include "vault/product_make.h"
#include "vault/product_options.h"
#include "vault/usage.h"

/* ---- product create ---- */

/* The settings as the ledger keeps them, "" when none came. */
static enum error read_options(struct admin_task *task,
                               const Provisiond__ProductCreateRequest *asked,
                               char text[LEDGER_OPTIONS_MAX + 1])
{
    struct product_options options;
    size_t length = strlen(asked->options);
    bool is_st = strcmp(asked->profile, "st-sfi") == 0;
    if (is_st != (asked->st != NULL) || (is_st && length > 0))
        return admin_refuse_field(task, "st",
                                  "ST settings belong to the profile st-sfi alone, "
                                  "which has no others.");
    if (length > LEDGER_OPTIONS_MAX)
        return admin_refuse_field(task, "options", "A product's settings are at most 1024 bytes.");
    memcpy(text, asked->options, length + 1);
    if (!is_st)
        return ERR_OK;
    enum error e = product_options_from_message(asked->st, &options, &task->fault);
    if (e == ERR_OK)
        e = product_options_encode(&options, text, &task->fault);
    return e;
}

static bool read_policy(const char *name, enum ledger_policy *ret_policy)
{
    bool is_per_license = strcmp(name, "per-license") == 0;
    *ret_policy = is_per_license ? LEDGER_PER_LICENSE : LEDGER_PER_DEVICE;
    return is_per_license || name[0] == '\0' || strcmp(name, "per-device") == 0;
}

static enum error read_product(struct admin_task *task,
                               const Provisiond__ProductCreateRequest *asked,
                               char options[LEDGER_OPTIONS_MAX + 1],
                               struct ledger_product_new *ret_product)
{
    *ret_product = (struct ledger_product_new){
        .name = asked->name,
        .profile = asked->profile,
        .quota = asked->quota,
        .anchors = bytes_of(asked->anchors.data, asked->anchors.len),
        .allows_key_exposure = asked->allow_session_key_exposure,
        .options = options,
        .attempts_max = asked->attempts_max,
    };
    if (!name_is_valid(asked->name, LEDGER_NAME_MAX))
        return admin_refuse_field(task, "name", ADMIN_NAME_RULE);
    if (asked->quota < 0 || asked->quota > LEDGER_QUOTA_MAX)
        return admin_refuse_field(task, "quota", "A quota is 0 to 1000000000000 units.");
    if (asked->attempts_max < 0 || asked->attempts_max > LEDGER_ATTEMPTS_MAX)
        return admin_refuse_field(task, "attempts-max",
                                  "Attempts per device are 1 to 1000000, or 0 for any number.");
    if (!read_policy(asked->policy, &ret_product->policy))
        return admin_refuse_field(task, "policy", "A policy is per-device or per-license.");
    return read_options(task, asked, options);
}

/* Asked before the HSM makes a key: a taken name must not touch the HSM. */
static enum error check_name_is_free(struct admin_task *task, const char *name)
{
    struct ledger_product existing;
    enum error e = ledger_product_get(task->vault->ledger, name, &existing, &task->fault);
    if (e == ERR_PRODUCT_UNKNOWN)
        return governance_name_is_free(task->vault->governance, name, &task->fault);
    if (e != ERR_OK)
        return e;
    return fault_set(&task->fault, ERR_CONFLICT, "product-exists",
                     "A product of this name exists already; choose another name.", 0);
}

enum error admin_product_create(struct admin_task *task)
{
    const Provisiond__ProductCreateRequest *asked = task->request->product_create;
    struct vault *vault = task->vault;
    char options[LEDGER_OPTIONS_MAX + 1];
    struct ledger_product_new product;
    enum error e = read_product(task, asked, options, &product);
    if (e != ERR_OK)
        return e;
    const struct product_wish wish = {.profile = product.profile,
                                      .anchors = product.anchors,
                                      .allows_key_exposure = product.allows_key_exposure,
                                      .options = options};
    e = product_wish_check(&wish, &task->fault);
    if (e == ERR_OK)
        e = hsm_watch_permits(vault->watch, &task->fault);
    if (e == ERR_OK)
        e = check_name_is_free(task, asked->name);
    if (e == ERR_OK)
        e = product_firmware_key_make(vault->hsm, asked->name, FIRST_GENERATION, &task->fault);
    if (e != ERR_OK)
        return e;
    const struct hsm_key_id id = product_firmware_key_id(asked->name, FIRST_GENERATION);
    memcpy(product.firmware_key, id.bytes, sizeof product.firmware_key);
    e = ledger_product_create(vault->ledger, &product, task->by, &task->fault);
    if (e == ERR_OK)
        e = governance_recheck(vault->governance, asked->name, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__product_create_reply__init(&task->result.product_create);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_CREATE;
    task->reply.product_create = &task->result.product_create;
    return ERR_OK;
}

/* ---- units ---- */

static enum error add_units(struct admin_task *task, const Provisiond__QuotaAddRequest *asked,
                            int64_t *ret_sum)
{
    struct ledger *ledger = task->vault->ledger;
    if (asked->scrap)
        return ledger_scrap_add(ledger, asked->product, asked->units, task->by, ret_sum,
                                &task->fault);
    return ledger_quota_add(ledger, asked->product, asked->units, task->by, ret_sum, &task->fault);
}

enum error admin_quota_add(struct admin_task *task)
{
    const Provisiond__QuotaAddRequest *asked = task->request->quota_add;
    Provisiond__QuotaAddReply *reply = &task->result.quota_add;
    struct ledger_product product;
    int64_t sum = 0;
    enum error e = add_units(task, asked, &sum);
    if (e == ERR_OK)
        e = ledger_product_get(task->vault->ledger, asked->product, &product, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__quota_add_reply__init(reply);
    reply->quota = asked->scrap ? product.quota : sum;
    reply->scrap_allowance = asked->scrap ? sum : product.scrap_allowance;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_QUOTA_ADD;
    task->reply.quota_add = reply;
    return ERR_OK;
}

enum error admin_usage(struct admin_task *task)
{
    enum error e = usage_answer(task->vault, task->request->usage, &task->values.usage,
                                &task->result.usage, &task->fault);
    if (e != ERR_OK)
        return e;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_USAGE;
    task->reply.usage = &task->result.usage;
    return ERR_OK;
}

/* ---- budgets ---- */

static bool copy_name(const char *text, char out[LEDGER_NAME_MAX + 1])
{
    size_t length = strnlen(text, LEDGER_NAME_MAX + 1);
    if (length > LEDGER_NAME_MAX)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

enum error admin_budget_set(struct admin_task *task)
{
    const Provisiond__BudgetSetRequest *asked = task->request->budget_set;
    struct ledger_budget budget = {.units = asked->units,
                                   .period_minutes = asked->period_minutes,
                                   .offset_minutes = asked->offset_minutes};
    if (!copy_name(asked->product, budget.product) || !copy_name(asked->station, budget.station))
        return admin_refuse_field(task, "name", ADMIN_NAME_RULE);
    enum error e = ledger_budget_set(task->vault->ledger, &budget, task->by, &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__budget_set_reply__init(&task->result.budget_set);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_BUDGET_SET;
    task->reply.budget_set = &task->result.budget_set;
    return ERR_OK;
}

/* ---- a device that got a new key ---- */

enum error admin_device_rebind(struct admin_task *task)
{
    const Provisiond__DeviceRebindRequest *asked = task->request->device_rebind;
    struct ledger_rebinding rebinding = {0};
    size_t length = strnlen(asked->serial, LEDGER_SERIAL_MAX + 1);
    if (length == 0 || length > LEDGER_SERIAL_MAX)
        return admin_refuse_field(task, "serial", "A serial number is 1 to 64 bytes.");
    memcpy(rebinding.serial, asked->serial, length);
    if (!admin_read_digest(&asked->old_key, &rebinding.old_key) ||
        !admin_read_digest(&asked->new_key, &rebinding.new_key))
        return admin_refuse_field(task, "key", "A key is named by its SHA-256, 64 hex digits.");
    enum error e = ledger_device_rebind(task->vault->ledger, asked->product, &rebinding, task->by,
                                        &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__device_rebind_reply__init(&task->result.device_rebind);
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_DEVICE_REBIND;
    task->reply.device_rebind = &task->result.device_rebind;
    return ERR_OK;
}
