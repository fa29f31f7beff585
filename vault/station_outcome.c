/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What became of an install, and the device's own word for it. Owns no state. */
#include "vault/station_task.h"

#include <assert.h>
#include <string.h>

#include "device/device.h"
#include "vault/notary.h"

#define INSTALL_ID_SIZE 41 /* "ins-", a UUID, NUL: as stations know it, and as devices sign it */

static_assert(DEVICE_RECEIPT_MAX_BYTES <= LEDGER_RECEIPT_MAX, "a receipt fits the ledger");
static_assert(DEVICE_SPKI_MAX_BYTES <= LEDGER_SPKI_MAX, "a device's key fits the ledger");

static bool read_result(Provisiond__OutcomeResult message, enum ledger_result *ret_result)
{
    switch (message) {
    case PROVISIOND__OUTCOME_RESULT__OUTCOME_SUCCEEDED:
        *ret_result = LEDGER_SUCCEEDED;
        return true;
    case PROVISIOND__OUTCOME_RESULT__OUTCOME_FAILED:
        *ret_result = LEDGER_FAILED;
        return true;
    case PROVISIOND__OUTCOME_RESULT__OUTCOME_SCRAPPED:
        *ret_result = LEDGER_SCRAPPED;
        return true;
    default:
        return false;
    }
}

static enum error read_outcome(const Provisiond__OutcomeRequest *asked,
                               struct ledger_outcome *outcome, struct fault *fault)
{
    size_t length = asked->device_receipt.len;
    if (!station_read_uuid(&asked->install_id, &outcome->install))
        return station_refuse_field(fault, "install_id");
    if (!read_result(asked->result, &outcome->result))
        return station_refuse_field(fault, "result");
    if (!station_copy_text(asked->code, outcome->code, LEDGER_OUTCOME_CODE_MAX) ||
        !station_copy_text(asked->detail, outcome->detail, LEDGER_OUTCOME_DETAIL_MAX))
        return station_refuse_field(fault, "code");
    if (length > DEVICE_RECEIPT_MAX_BYTES || (length > 0 && outcome->result != LEDGER_SUCCEEDED))
        return fault_set(fault, ERR_BAD_REQUEST, "device_receipt",
                         "A receipt is a signature of at most 144 bytes, and comes with the result "
                         "succeeded only.",
                         0);
    if (length > 0)
        memcpy(outcome->receipt, asked->device_receipt.data, length);
    outcome->receipt_length = length;
    return ERR_OK;
}

/* The device's signature over the install's id proves that its firmware runs. */
static enum error check_receipt(struct vault *vault, struct ledger_outcome *outcome,
                                struct fault *fault)
{
    struct ledger_device device;
    struct device_spki spki;
    char message[INSTALL_ID_SIZE];
    if (outcome->receipt_length == 0)
        return ERR_OK;
    enum error e = ledger_install_device(vault->ledger, &outcome->install, &device, fault);
    if (e != ERR_OK)
        return e;
    if (!device.can_sign)
        return fault_set(fault, ERR_BAD_REQUEST, "device-cannot-sign",
                         "This device's certificate does not allow signatures; report its outcome "
                         "without a receipt.",
                         0);
    uuid_format(&outcome->install, "ins-", message, sizeof message);
    e = device_receipt_check(bytes_of(device.point, device.point_length),
                             bytes_of(message, strlen(message)),
                             bytes_of(outcome->receipt, outcome->receipt_length), &spki, fault);
    if (e != ERR_OK)
        return e;
    memcpy(outcome->key, spki.der, spki.length);
    outcome->key_length = spki.length;
    return ERR_OK;
}

/* What is recorded in a ledger that is about to be replaced would be lost with it; one that has
 * ended takes nothing. An HSM that is away keeps no outcome from being recorded. */
static enum error check_journal(struct vault *vault, struct fault *fault)
{
    struct fault seen;
    enum error e = notary_permits(vault->notary, &seen);
    if (e != ERR_ANCHOR_MISMATCH && e != ERR_HSM_RETIRED)
        return ERR_OK;
    *fault = seen;
    return e;
}

enum error station_outcome(struct vault *vault, const request_message *message,
                           const struct ledger_principal *caller, struct answer *answer)
{
    struct ledger_outcome outcome = {0};
    struct ledger_recorded recorded = {0};
    Provisiond__OutcomeReply *reply = &answer->result.outcome;
    enum error e = read_outcome(message->outcome, &outcome, &answer->fault);
    if (e == ERR_OK)
        e = station_check_install(vault, caller, &outcome.install, &answer->fault);
    if (e == ERR_OK)
        e = check_receipt(vault, &outcome, &answer->fault);
    if (e == ERR_OK)
        e = check_journal(vault, &answer->fault);
    if (e != ERR_OK)
        return e;
    outcome.principal_id = caller->id;
    outcome.asked_with = caller->key;
    e = ledger_outcome_record(vault->ledger, &outcome, &recorded, &answer->fault);
    if (e != ERR_OK)
        return e;
    provisiond__outcome_reply__init(reply);
    reply->proven = recorded.is_proven;
    reply->attempt = recorded.attempt;
    reply->scrap_drawn = recorded.is_scrap_drawn;
    answer->message.result_case = PROVISIOND__STATION_REPLY__RESULT_OUTCOME;
    answer->message.outcome = reply;
    return ERR_OK;
}
