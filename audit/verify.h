/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The offline judge: whether an exported journal can be believed, by a public key alone.
 *
 *     struct audit_report report = {0};
 *     e = audit_verify(&request, &report, &fault);    ERR_OK: it was judged
 *     ... report.finding_total == 0: everything holds ...
 *     audit_report_clear(&report);
 *
 * It reads every leaf: its form, its hash and so the signed root; it follows the account of each
 * product from the first leaf, and checks every signed document against those who could sign then.
 * It needs no network, no ledger and no HSM. What it cannot know is whether the export is the
 * newest one, unless the auditor gave a challenge, and whether the first authorities of a governed
 * product are its maker's, unless the auditor names them.
 *
 * Leaves are read on all cores; memory beside the mapped file is some 200 bytes for each license.
 * Threads: any one thread for each call.
 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "audit/report.h"
#include "core/bytes.h"
#include "core/error.h"

#define AUDIT_RECEIPT_MAX ((size_t)64 * 1024) /* bytes of one receipt */

struct audit_request {
    const char *path;    /* of the export */
    const char *key_pem; /* the checkpoint key, one PUBLIC KEY */
    /* What the auditor holds; all of it may be left out. */
    struct bytes since;           /* an older checkpoint's note */
    const struct bytes *receipts; /* as GET /v1/licenses/{id}/receipt answers, JSON, one each */
    size_t receipt_count;
    struct bytes challenge; /* the nonce that he gave for this export */
    const struct sha256
        *authorities; /* authority_set_digest of the first set of governed products */
    unsigned threads; /* 0: one for each core */
    void (*on_progress)(void *context, uint64_t done, uint64_t all); /* may be NULL */
    void *progress_context;
};

/*
 * Judges. The findings' words are in docs/verify.md. Errors are about the request alone:
 * ERR_BAD_REQUEST "key-malformed", "challenge" (not 8 to 64 bytes), and those of export_open, of
 * which "export-cut", "export-long", "export-line" and "export-header" may mean that somebody
 * tampered with the file; ERR_CONFIG ("file"); ERR_INTERNAL ("memory").
 */
enum error audit_verify(const struct audit_request *request, struct audit_report *ret_report,
                        struct fault *fault) MUST_USE;

#endif
