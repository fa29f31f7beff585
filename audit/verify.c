/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The order of a verification. Owns no state. */
#include "audit/verify.h"

#include <stdlib.h>

#include "audit/leaf_stream.h"
#include "audit/verify_part.h"

/* Opening a file is the smaller part of the work. */
#define PROGRESS_ALL     1000
#define PROGRESS_OPENING 100

static void tell(const struct verification *verification, uint64_t from, uint64_t to, uint64_t done,
                 uint64_t all)
{
    const struct audit_request *request = verification->request;
    if (request->on_progress == NULL || all == 0)
        return;
    uint64_t part = (uint64_t)((double)done / (double)all * (double)(to - from));
    request->on_progress(request->progress_context, from + part, PROGRESS_ALL);
}

static void tell_opening(void *context, uint64_t done, uint64_t all)
{
    tell(context, 0, PROGRESS_OPENING, done, all);
}

static void tell_leaves(void *context, uint64_t done, uint64_t all)
{
    tell(context, PROGRESS_OPENING, PROGRESS_ALL, done, all);
}

static enum error check_request(struct verification *verification, struct fault *fault)
{
    struct bytes challenge = verification->request->challenge;
    if (challenge.length > 0 &&
        (challenge.length < EXPORT_CHALLENGE_MIN || challenge.length > EXPORT_CHALLENGE_MAX))
        return fault_set(fault, ERR_BAD_REQUEST, "challenge", "A challenge has 8 to 64 bytes.", 0);
    hex_encode(challenge, verification->challenge);
    return verify_read_key(verification, fault);
}

static enum error open_export(struct verification *verification, struct fault *fault)
{
    struct audit_report *report = verification->report;
    enum error e = export_open(verification->request->path, tell_opening, verification,
                               &verification->file, fault);
    if (e != ERR_OK)
        return e;
    const struct export_header *header = export_header(verification->file);
    report->leaves = header->leaves;
    report->documents = header->documents;
    report->made_unix_ms = header->made_unix_ms;
    return log_tree_new(verification->file, &verification->tree, fault);
}

static enum error take_leaf(void *context, const struct leaf *leaf, struct fault *fault)
{
    return replay_leaf(context, leaf, fault);
}

static enum error read_leaves(struct verification *verification, struct fault *fault)
{
    struct replay *replay = &verification->replay;
    const struct leaf_stream stream = {.file = verification->file,
                                       .threads = verification->request->threads,
                                       .tree = verification->tree,
                                       .checks_receipts = true,
                                       .take = take_leaf,
                                       .on_progress = tell_leaves,
                                       .context = replay,
                                       .progress_context = verification};
    replay->key = verify_spki(verification);
    replay->challenge =
        bytes_of(verification->challenge, 2 * verification->request->challenge.length);
    if (replay->challenge.length > 0)
        verification->report->challenge = AUDIT_FAILS; /* until its leaf comes */
    enum error e =
        documents_read(&verification->documents, verification->file, &replay->findings, fault);
    if (e == ERR_OK)
        e = leaf_stream_run(&stream, fault);
    if (e == ERR_OK)
        e = log_tree_finish(verification->tree, fault);
    if (e == ERR_OK)
        e = replay_finish(replay, fault);
    return e;
}

static enum error judge(struct verification *verification, struct fault *fault)
{
    struct key_chain *keys = &verification->report->keys;
    const struct sha256 given = sha256_of(verify_spki(verification));
    const struct key_chain_key *key = keys->count > 0 ? key_chain_find(keys, &given) : NULL;
    if (key != NULL)
        verification->report->key_given = key_chain_generation(keys, key);
    enum error e = verify_signature(verification, fault);
    if (e == ERR_OK)
        e = verify_evidence(verification, fault);
    if (e == ERR_OK)
        e = verify_head(verification, fault);
    if (e != ERR_OK)
        return e;
    verify_accounts(verification);
    verify_authorities(verification);
    documents_find_unused(&verification->documents, &verification->replay.findings);
    return findings_move(&verification->replay.findings, verification->report, fault);
}

static enum error run(struct verification *verification, struct fault *fault)
{
    enum error e = check_request(verification, fault);
    if (e == ERR_OK)
        e = open_export(verification, fault);
    if (e != ERR_OK)
        return e;
    replay_init(&verification->replay, verification->file, &verification->documents,
                verification->report);
    e = read_leaves(verification, fault);
    if (e == ERR_OK)
        e = judge(verification, fault);
    replay_clear(&verification->replay);
    documents_clear(&verification->documents);
    return e;
}

enum error audit_verify(const struct audit_request *request, struct audit_report *ret_report,
                        struct fault *fault)
{
    struct audit_report report = {.leaves = 0};
    struct verification verification = {.request = request, .report = &report};
    enum error e = run(&verification, fault);
    log_tree_free(verification.tree);
    export_close(verification.file);
    if (e != ERR_OK) {
        audit_report_clear(&report);
        return e;
    }
    *ret_report = report;
    return ERR_OK;
}

void audit_report_clear(struct audit_report *report)
{
    free(report->findings);
    free(report->kinds);
    free(report->unclean_starts.items);
    free(report->overrides.items);
    free(report->products);
    *report = (struct audit_report){.leaves = 0};
}
