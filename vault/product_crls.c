/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Revocation lists of products: brought by an administrator, shown to all. Owns no state. */
#include "vault/product_crls.h"

#include <assert.h>
#include <stdlib.h>

#include "core/clock.h"
#include "vault/admin_task.h"
#include "vault/device_settings.h"

#define MS_PER_HOUR INT64_C(3600000)

static_assert(DEVICE_CRLS_MAX == LEDGER_CRLS_MAX &&
                  (uint64_t)DEVICE_CRLS_MAX_BYTES == LEDGER_CRLS_MAX_BYTES,
              "what is checked can be kept");

/* False for products whose devices show no X.509 certificate, and for settings of another build. */
static bool read_settings(const struct ledger_product *product, struct device_settings *settings)
{
    struct fault ignored;
    const struct license_profile *profile = license_profile_find(product->profile);
    return profile != NULL && license_device_form(profile) == LICENSE_X509_DEVICE &&
           device_settings_parse(profile, product->options, settings, &ignored) == ERR_OK &&
           !settings->uses_list;
}

struct product_crls product_crls_of(const struct ledger_product *product)
{
    struct device_settings settings;
    const struct ledger_crls *crls = &product->crls;
    struct product_crls view = {0};
    if (!read_settings(product, &settings) || settings.policy.crl_hours_max == 0)
        return view;
    view.is_wanted = true;
    if (crls->lists == 0)
        return view;
    view.until_unix_ms =
        crls->issued_unix_ms + (int64_t)settings.policy.crl_hours_max * MS_PER_HOUR;
    if (crls->expires_unix_ms != 0 && crls->expires_unix_ms < view.until_unix_ms)
        view.until_unix_ms = crls->expires_unix_ms;
    return view;
}

/* ---- provctl product crls ---- */

/* What is compared: the caller frees both texts. */
struct texts {
    char *anchors;
    char *kept;
    size_t anchors_length;
    size_t kept_length;
};

static enum error read_texts(struct ledger *ledger, int64_t product_id, struct texts *texts,
                             struct fault *fault)
{
    enum error e =
        ledger_product_anchors(ledger, product_id, &texts->anchors, &texts->anchors_length, fault);
    return e == ERR_OK
               ? ledger_product_crls(ledger, product_id, &texts->kept, &texts->kept_length, fault)
               : e;
}

static enum error check_none(const struct ledger_product *product, bool accepts_older,
                             struct fault *fault)
{
    if (product->crls.lists == 0 || accepts_older)
        return ERR_OK;
    return fault_set(fault, ERR_CONFLICT, "crl-dropped",
                     "The product has revocation lists: taking them away wants --accept-older. "
                     "While it asks for lists, every device is refused without them.",
                     0);
}

static enum error check(struct admin_task *task, const struct ledger_product *product,
                        struct device_crls *ret_crls)
{
    const Provisiond__ProductCrlsRequest *asked = task->request->product_crls;
    struct device_settings settings;
    struct texts texts = {0};
    *ret_crls = (struct device_crls){0};
    if (!read_settings(product, &settings))
        return admin_refuse_field(task, "device-form",
                                  "The devices of this product show no X.509 certificate: there is "
                                  "nothing that a list could revoke.");
    if (asked->crls.len == 0)
        return check_none(product, asked->accept_older, &task->fault);
    enum error e = read_texts(task->vault->ledger, product->id, &texts, &task->fault);
    const struct device_crls_offer offer = {
        .anchors = bytes_of(texts.anchors, texts.anchors_length),
        .issuers = bytes_of(asked->issuers.data, asked->issuers.len),
        .crls = bytes_of(asked->crls.data, asked->crls.len),
        .kept = bytes_of(texts.kept, texts.kept_length),
        .accepts_older = asked->accept_older,
        .crl_hours_max = settings.policy.crl_hours_max,
        .at_unix_ms = clock_unix_ms(),
    };
    if (e == ERR_OK)
        e = device_crls_check(&offer, ret_crls, &task->fault);
    free(texts.anchors);
    free(texts.kept);
    return e;
}

static void answer(struct admin_task *task, struct ledger_product *product)
{
    Provisiond__ProductCrlsReply *reply = &task->result.product_crls;
    const struct product_crls view = product_crls_of(product);
    provisiond__product_crls_reply__init(reply);
    reply->lists = (uint32_t)product->crls.lists;
    reply->wanted = view.is_wanted;
    reply->until_unix_ms = view.until_unix_ms;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_CRLS;
    task->reply.product_crls = reply;
}

enum error admin_product_crls(struct admin_task *task)
{
    const Provisiond__ProductCrlsRequest *asked = task->request->product_crls;
    struct ledger *ledger = task->vault->ledger;
    struct ledger_product product;
    struct device_crls crls;
    enum error e = ledger_product_get(ledger, asked->product, &product, &task->fault);
    if (e == ERR_OK)
        e = check(task, &product, &crls);
    if (e != ERR_OK)
        return e;
    product.crls = (struct ledger_crls){.lists = crls.lists,
                                        .issued_unix_ms = crls.issued_unix_ms,
                                        .expires_unix_ms = crls.expires_unix_ms};
    const struct ledger_crls_new kept = {.anchors_version = product.anchors_version,
                                         .pem = bytes_of(asked->crls.data, asked->crls.len),
                                         .values = product.crls,
                                         .accepts_older = asked->accept_older};
    e = ledger_crls_set(ledger, product.name, &kept, task->by, &task->fault);
    if (e == ERR_OK)
        answer(task, &product);
    return e;
}
