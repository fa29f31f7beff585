/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Limits and texts of requests to the ledger. Owns no state. */
#include "ledger/valid.h"

#include <string.h>
#include <strings.h>

/* The first two bytes of a well-formed sequence decide its length (RFC 3629 §4); 0: ill-formed. */
static size_t sequence_length(unsigned char first, unsigned char second)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first == 0xe0)
        return second >= 0xa0 ? 3 : 0;
    if (first == 0xed)
        return second <= 0x9f ? 3 : 0;
    if (first >= 0xe1 && first <= 0xef)
        return 3;
    if (first == 0xf0)
        return second >= 0x90 ? 4 : 0;
    if (first == 0xf4)
        return second <= 0x8f ? 4 : 0;
    return first >= 0xf1 && first <= 0xf3 ? 4 : 0;
}

bool valid_is_visible(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    }
    return true;
}

bool valid_text(const char *text, size_t max)
{
    size_t length = strnlen(text, max + 1);
    if (length > max)
        return false;
    for (size_t at = 0; at < length;) {
        const unsigned char *here = (const unsigned char *)text + at;
        size_t bytes = sequence_length(here[0], here[1]);
        if (bytes == 0)
            return false;
        /* The terminating NUL is no continuation byte, so this cannot run past it. */
        for (size_t i = 1; i < bytes; i++) {
            if ((here[i] & 0xc0) != 0x80)
                return false;
        }
        at += bytes;
    }
    return true;
}

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

enum error valid_name(const char *name, struct fault *fault)
{
    if (name_is_valid(name, LEDGER_NAME_MAX))
        return ERR_OK;
    return refuse(fault, "name",
                  "A name is 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter "
                  "or digit.");
}

enum error valid_alias(const char *alias, struct fault *fault)
{
    if (strcasecmp(alias, "latest") == 0)
        return refuse(fault, "alias",
                      "\"latest\" is a product's newest image; no image can be called so.");
    return alias[0] == '\0' ? ERR_OK : valid_name(alias, fault);
}

enum error valid_by(const char *by, struct fault *fault)
{
    if (by[0] != '\0' && valid_text(by, LEDGER_BY_MAX))
        return ERR_OK;
    return refuse(fault, "by", "Who asks must be a text of 1 to 64 bytes.");
}

static bool is_person(const char *name)
{
    return name[0] != '\0' && valid_text(name, LEDGER_NAME_MAX) && valid_is_visible(name);
}

enum error valid_people(const struct ledger_people *people, struct fault *fault)
{
    if (people == NULL)
        return ERR_OK;
    if (!is_person(people->officer) || !is_person(people->witness))
        return refuse(fault, "people",
                      "Officer and witness are both named, in 1 to 64 bytes without control "
                      "characters.");
    if (strcasecmp(people->officer, people->witness) == 0)
        return refuse(fault, "people", "Officer and witness are two people, not one.");
    return ERR_OK;
}

enum error valid_product(const struct ledger_product_new *product, struct fault *fault)
{
    enum error e = valid_name(product->name, fault);
    if (e != ERR_OK)
        return e;
    if (!name_is_valid(product->profile, LEDGER_PROFILE_MAX - 1))
        return refuse(fault, "profile", "A profile is named in 1 to 15 bytes.");
    if (product->policy != LEDGER_PER_DEVICE && product->policy != LEDGER_PER_LICENSE)
        return refuse(fault, "policy", "A policy is per-device or per-license.");
    if (product->attempts_max < 0 || product->attempts_max > LEDGER_ATTEMPTS_MAX)
        return refuse(fault, "attempts-max", "Attempts per device are 0 to 1000000.");
    if (product->quota < 0 || product->quota > LEDGER_QUOTA_MAX)
        return refuse(fault, "quota", "A quota is 0 to 1000000000000 units.");
    if (product->anchors.length == 0 || product->anchors.length > LEDGER_ANCHORS_MAX)
        return refuse(fault, "anchors", "The trust anchors are 1 byte to 64 KiB of PEM.");
    if (product->options != NULL && !valid_text(product->options, LEDGER_OPTIONS_MAX))
        return refuse(fault, "options", "A product's settings are at most 1024 bytes of UTF-8.");
    return ERR_OK;
}

enum error valid_image(const struct ledger_image *image, struct fault *fault)
{
    if (image->size < 0)
        return refuse(fault, "size", "A size is not negative.");
    if (!valid_text(image->label, LEDGER_NAME_MAX))
        return refuse(fault, "label",
                      "A label is at most 64 bytes of UTF-8 without control characters.");
    if (image->session_key_length == 0 || image->session_key_length > LEDGER_WRAPPED_KEY_MAX)
        return refuse(fault, "session-key", "A wrapped session key is 1 to 40 bytes.");
    if (image->generation < 1)
        return refuse(fault, "generation", "A firmware key's generation is 1 or more.");
    if (image->iv_length > LEDGER_IV_MAX)
        return refuse(fault, "iv", "An IV is at most 16 bytes.");
    if (image->tag_length != 0 && image->tag_length != LEDGER_TAG_BYTES)
        return refuse(fault, "tag", "A tag is 16 bytes, or none.");
    if (!valid_text(image->content, LEDGER_CONTENT_MAX))
        return refuse(fault, "content", "The name of a form of content is at most 15 bytes.");
    return ERR_OK;
}

enum error valid_local(const struct ledger_product *product, struct fault *fault)
{
    if (!product->is_governed)
        return ERR_OK;
    return fault_set(fault, ERR_FORBIDDEN, "product-governed",
                     "The product is governed by its maker: only a document that its authorities "
                     "signed changes this (provctl grant apply).",
                     0);
}

enum error valid_rebinding(const struct ledger_rebinding *rebinding, struct fault *fault)
{
    if (rebinding->serial[0] != '\0' && valid_text(rebinding->serial, LEDGER_SERIAL_MAX))
        return ERR_OK;
    return refuse(fault, "serial",
                  "A serial number is 1 to 64 bytes of UTF-8 without control characters.");
}

enum error valid_budget(const struct ledger_budget *budget, struct fault *fault)
{
    enum error e = valid_name(budget->product, fault);
    if (e == ERR_OK && budget->station[0] != '\0')
        e = valid_name(budget->station, fault);
    if (e != ERR_OK)
        return e;
    if (budget->units < -1 || budget->units > LEDGER_QUOTA_MAX)
        return refuse(fault, "units", "A budget is 0 to 1000000000000 units, or -1 for none.");
    if (budget->units >= 0 &&
        (budget->period_minutes < 1 || budget->period_minutes > LEDGER_PERIOD_MAX_MINUTES ||
         budget->offset_minutes >= budget->period_minutes))
        return refuse(fault, "period",
                      "A period is one minute to a week, and its offset is shorter than it.");
    return ERR_OK;
}

static bool has_units(enum ledger_grant_kind kind)
{
    return kind == LEDGER_GRANT_INSTALL || kind == LEDGER_GRANT_SCRAP ||
           kind == LEDGER_GRANT_REVOKE;
}

static bool is_numbered(enum ledger_grant_kind kind)
{
    return kind == LEDGER_GRANT_POLICY || kind == LEDGER_GRANT_REBIND ||
           kind == LEDGER_GRANT_STANDBY;
}

/* What a kind has not must be zero, so that no row says it. */
static enum error valid_numbers(const struct ledger_grant *grant, struct fault *fault)
{
    bool is_fit = has_units(grant->kind) ? grant->units >= 1 : grant->units == 0;
    if (!is_fit || grant->units > LEDGER_QUOTA_MAX)
        return refuse(fault, "units",
                      "Units are 1 to 1000000000000 in install, scrap and revoke, else 0.");
    if (is_numbered(grant->kind) ? grant->sequence < 1 : grant->sequence != 0)
        return refuse(fault, "sequence",
                      "A sequence is 1 or more in policy, rebind and standby, else 0.");
    return ERR_OK;
}

enum error valid_grant(const struct ledger_grant *grant, struct fault *fault)
{
    enum error e = valid_name(grant->product, fault);
    if (e != ERR_OK)
        return e;
    if (grant->kind < LEDGER_GRANT_INSTALL || grant->kind > LEDGER_GRANT_STANDBY ||
        (grant->kind == LEDGER_GRANT_POLICY) != (grant->settings != NULL))
        return refuse(fault, "kind", "The document is of no known kind.");
    e = valid_numbers(grant, fault);
    if (e != ERR_OK)
        return e;
    if (!valid_text(grant->lot, LEDGER_NAME_MAX))
        return refuse(fault, "lot",
                      "A lot is at most 64 bytes of UTF-8 without control characters.");
    if (grant->document.length < 1 || grant->document.length > LEDGER_DOCUMENT_MAX)
        return refuse(fault, "document", "A document is 1 byte to 112 KiB.");
    if (grant->signer_count < 1 || grant->signer_count > LEDGER_SIGNERS_MAX)
        return refuse(fault, "signers", "A document has 1 to 16 signers.");
    return grant->kind == LEDGER_GRANT_REBIND ? valid_rebinding(&grant->rebinding, fault) : ERR_OK;
}

/* Of one line and visible: it ends up in tables and terminals. */
static bool is_line(const char *text, size_t max)
{
    return valid_text(text, max) && valid_is_visible(text);
}

enum error valid_device(const struct ledger_device *device, struct fault *fault)
{
    if (device->point_length > LEDGER_POINT_MAX)
        return refuse(fault, "point", "A device's point is at most 133 bytes.");
    if (is_line(device->serial, LEDGER_SERIAL_MAX))
        return ERR_OK;
    return refuse(fault, "serial",
                  "A device's serial is at most 64 bytes of UTF-8 without control characters.");
}

enum error valid_issue(const struct ledger_issue *issue, struct fault *fault)
{
    const struct ledger_context *context = &issue->context;
    enum error e = valid_device(&issue->device, fault);
    if (e != ERR_OK)
        return e;
    if (issue->license.length > LEDGER_LICENSE_MAX)
        return refuse(fault, "license", "A license is at most 4096 bytes.");
    if (!is_line(context->lot, LEDGER_CONTEXT_MAX) || !is_line(context->line, LEDGER_CONTEXT_MAX) ||
        !is_line(context->work_order, LEDGER_CONTEXT_MAX) ||
        !is_line(context->operator_name, LEDGER_CONTEXT_MAX) ||
        !is_line(context->socket, LEDGER_CONTEXT_MAX))
        return refuse(fault, "context",
                      "A context field is at most 64 bytes of UTF-8 without control characters.");
    return ERR_OK;
}

enum error valid_outcome(const struct ledger_outcome *outcome, struct fault *fault)
{
    if (outcome->result != LEDGER_SUCCEEDED && outcome->result != LEDGER_FAILED &&
        outcome->result != LEDGER_SCRAPPED)
        return refuse(fault, "result", "A result is succeeded, failed or scrapped.");
    if (!is_line(outcome->code, LEDGER_OUTCOME_CODE_MAX))
        return refuse(fault, "code",
                      "An outcome's code is at most 64 bytes of UTF-8 without control characters.");
    if (!is_line(outcome->detail, LEDGER_OUTCOME_DETAIL_MAX))
        return refuse(
            fault, "detail",
            "An outcome's detail is at most 256 bytes of UTF-8 without control characters.");
    if (outcome->receipt_length > LEDGER_RECEIPT_MAX || outcome->key_length > LEDGER_SPKI_MAX ||
        (outcome->receipt_length > 0 &&
         (outcome->result != LEDGER_SUCCEEDED || outcome->key_length == 0)))
        return refuse(fault, "receipt",
                      "A receipt comes with the device's key and the result succeeded.");
    return ERR_OK;
}

bool valid_refusal(const struct ledger_refusal *refusal)
{
    return name_is_valid(refusal->product, LEDGER_NAME_MAX) &&
           valid_text(refusal->reason, LEDGER_REASON_MAX) &&
           (refusal->device == NULL || valid_text(refusal->device->serial, LEDGER_SERIAL_MAX));
}
