/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* GET /livez and GET /readyz. Owns no state. */
#include <stdio.h>
#include <string.h>

#include "api/answer.h"
#include "api/crl.h"
#include "api/handler.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/request.h"
#include "api/server.h"
#include "api/server_certificate.h"
#include "core/clock.h"

#define MS_PER_S       1000
#define EXPIRES_SOON_S (14 * 86400L)
#define UNUSABLE       "file-unusable"
#define DISK_LOW       "disk-low"

/* ---- livez: the event loop answers, nothing else is looked at ---- */

static enum error live_start(struct request *request)
{
    return query_refuse_any(request);
}

static enum MHD_Result live_answer(struct request *request)
{
    return answer_json(request, MHD_HTTP_OK, json_pack("{ss}", "status", "live"));
}

const struct handler LIVE_HANDLER = {.start = live_start, .answer = live_answer};

/* ---- readyz: would a license be issued now ---- */

static enum error ready_start(struct request *request)
{
    Provisiond__StationRequest message = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__ReadyRequest ready = PROVISIOND__READY_REQUEST__INIT;
    enum error e = query_refuse_any(request);
    if (e != ERR_OK)
        return e;
    message.op_case = PROVISIOND__STATION_REQUEST__OP_READY;
    message.ready = &ready;
    return request_ask(request, &message);
}

static const char *first_sentence(const Provisiond__ReadyReply *from)
{
    if (from->hsm_detail[0] != '\0')
        return from->hsm_detail;
    return from->ledger_detail[0] != '\0' ? from->ledger_detail : from->anchor_detail;
}

static enum error ready_take(struct request *request, const Provisiond__StationReply *reply,
                             int *file)
{
    struct ready_result *result = &request->result.ready;
    const Provisiond__ReadyReply *from = reply->ready;
    (void)file;
    if (reply->result_case != PROVISIOND__STATION_REPLY__RESULT_READY ||
        !name_is_valid(from->hsm, sizeof result->hsm - 1) ||
        !name_is_valid(from->ledger, sizeof result->ledger - 1) ||
        !name_is_valid(from->anchor, sizeof result->anchor - 1))
        return request_refuse_reply(request);
    strcpy(result->hsm, from->hsm);
    strcpy(result->ledger, from->ledger);
    strcpy(result->anchor, from->anchor);
    (void)snprintf(result->detail, sizeof result->detail, "%s", first_sentence(from));
    return ERR_OK;
}

/* A check of provisiond's own: a word, and a sentence unless it is "ok" or "none". */
struct check {
    const char *word;
    const char *detail;
};

/* The texts of the check may be those of *ret_invalid. */
static struct check check_certificate(struct server_certificate *certificate,
                                      struct fault *ret_invalid)
{
    int64_t left_s = server_certificate_expires_unix_s(certificate) - clock_unix_ms() / MS_PER_S;
    if (server_certificate_validity(certificate, ret_invalid) != ERR_OK)
        return (struct check){ret_invalid->reason, ret_invalid->detail};
    if (left_s < EXPIRES_SOON_S)
        return (struct check){"expiring", "The server's certificate expires within two weeks: "
                                          "put a renewed one at [api] certificate."};
    if (server_certificate_is_stale(certificate))
        return (struct check){UNUSABLE, "The server's new certificate or key cannot be used; the "
                                        "ones before are served."};
    return (struct check){"ok", ""};
}

static struct check check_crl(struct crl *crl)
{
    switch (crl_state(crl).condition) {
    case CRL_NONE:
        return (struct check){"none", ""};
    case CRL_EXPIRED:
        return (struct check){"expired",
                              "A revocation list of the client CA is overdue; it stays in "
                              "force."};
    case CRL_BROKEN:
        return (struct check){UNUSABLE, "The new revocation list of the client CA cannot be used; "
                                        "the one before is in force."};
    default:
        return (struct check){"ok", ""};
    }
}

/* An HSM that keeps no anchor serves its local products. What is only soon, or of the lists, does
 * not stop a license. */
static bool are_well(const char *vault, const struct ready_result *checks,
                     const struct fault *certificate)
{
    return strcmp(vault, "ok") == 0 && strcmp(checks->hsm, "ok") == 0 &&
           (strcmp(checks->ledger, "ok") == 0 || strcmp(checks->ledger, DISK_LOW) == 0) &&
           (strcmp(checks->anchor, "ok") == 0 || strcmp(checks->anchor, "none") == 0) &&
           certificate->code == ERR_OK;
}

static const char *first_detail(const struct ready_result *checks, const struct check *certificate,
                                const struct check *crl)
{
    if (checks->detail[0] != '\0')
        return checks->detail;
    return certificate->detail[0] != '\0' ? certificate->detail : crl->detail;
}

static enum MHD_Result answer_checks(struct request *request, const char *vault,
                                     const struct ready_result *checks)
{
    struct fault invalid = {0};
    struct check certificate = check_certificate(request->api->certificate, &invalid);
    struct check crl = check_crl(request->api->crl);
    const char *detail = first_detail(checks, &certificate, &crl);
    bool is_ready = are_well(vault, checks, &invalid);
    json_t *json =
        json_pack("{ss s{ss ss ss ss ss ss}}", "status", is_ready ? "ready" : "not-ready", "checks",
                  "vault", vault, "hsm", checks->hsm, "ledger", checks->ledger, "anchor",
                  checks->anchor, "certificate", certificate.word, "crl", crl.word);
    if (json != NULL && detail[0] != '\0')
        (void)json_object_set_new(json, "detail", json_string(detail));
    return answer_json(request, is_ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, json);
}

static enum MHD_Result ready_answer(struct request *request)
{
    struct ready_result unknown = {.hsm = "unknown", .ledger = "unknown", .anchor = "unknown"};
    if (request->fault.code == ERR_OK)
        return answer_checks(request, "ok", &request->result.ready);
    if (request->fault.code == ERR_BAD_REQUEST)
        return answer_problem(request);
    /* Whatever stopped the question: what lies behind the vault is not known then. */
    strcpy(unknown.detail, request->fault.detail);
    return answer_checks(request, error_name(request->fault.code), &unknown);
}

const struct handler READY_HANDLER = {.start = ready_start,
                                      .take = ready_take,
                                      .answer = ready_answer,
                                      .timeout_ms = API_HEALTH_TIMEOUT_MS,
                                      .answers_faults = true};
