/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The replies of vault_peer.h. Each function answers one call.
 *
 * word is the request's id, which a test chooses with X-Request-Id; a word that is none of those
 * named here gets the sound reply. Threads: pure but for the call.
 */
#ifndef TESTS_UNIT_API_PEER_REPLY_H
#define TESTS_UNIT_API_PEER_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/rpc_server.h"
#include "vault.pb-c.h"

/* Whose all keys are, by the replies from now on; NULL, as at first: they do not say. */
void peer_set_principal(const char *name);
/* file is -1 or stays the caller's. */
void peer_send(struct rpc_call *call, const Provisiond__StationReply *plain, int file);
#define PEER_UNTIL_UNIX_MS INT64_C(4102444800000) /* 2100-01-01T00:00:00.000Z */

/* With the reason "peer-reason", a sentence and native 48; budget-spent until the moment above. */
void peer_send_fault(struct rpc_call *call, enum error code);
/* The code of that name, ERR_INTERNAL for none. */
enum error peer_fault_named(const char *name);
/* Answers "fault-<error name>" with that fault, "principal-unknown" with forbidden for that reason,
 * and "other-type" with a license. False for any other word. */
bool peer_send_by_word(struct rpc_call *call, const char *word);

/* ---- what there was before the journal (peer_reply.c) ---- */

/* Points at memory that is the same for all. */
void peer_fill_license(Provisiond__LicenseReply *result, bool is_repeat, size_t license_length);
void peer_send_license(struct rpc_call *call, bool is_repeat, size_t license_length);
/* A license of 300 bytes with the first PEER_TAIL_AT bytes of the image, and PEER_TAIL_BYTES of
 * 0x5b. "no-file", "no-tail", "long-tail" (by a byte), "outside" (beyond the file's end by a byte).
 */
#define PEER_TAIL_AT    70001
#define PEER_TAIL_BYTES 65535
void peer_send_device_image(struct rpc_call *call, const char *image_path, const char *word);
/* "proven"; "drawn": a scrap unit; "no-attempt". */
void peer_send_outcome(struct rpc_call *call, const char *word);
/* "negative-count", "negative-age", "unknown-policy", "no-anchor". */
void peer_send_usage(struct rpc_call *call, const char *word);
/* "no-anchor"; "anchor-<word>": that word and a sentence, both in the checks of the HSM's word. */
void peer_send_ready(struct rpc_call *call, const char *hsm, const char *word);
void peer_send_content(struct rpc_call *call, const char *image_path, const char *alias);

/* ---- metrics (peer_metrics.c) ---- */

/* "short-histogram", "no-histogram", "busy-workers" (more than there are), "bad-product",
 * "no-anchor". */
void peer_send_metrics(struct rpc_call *call, const char *word);

/* ---- the journal and the grants (peer_journal.c) ---- */

#define PEER_LEAF "{\"station\":\"S\\u00F6\",\"type\":\"license-issued\",\"v\":1}"
#define PEER_NOTE                                                                             \
    "rig/provisiond/5f0cb3e1a7d9c2b4\n1042\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" \
    "\xe2\x80\x94 rig/provisiond/5f0cb3e1a7d9c2b4 5b4VzTBEAiA=\n"

#define PEER_SPKI_BYTES 91
extern const uint8_t PEER_SPKI[PEER_SPKI_BYTES]; /* P-256; the point is the curve's generator */

/* Byte i of a tile of hashes is i % 251; entry i of 300 + i bytes, each i % 251, but with the word
 * "largest" 8192. */
#define PEER_ENTRY_BYTES 300

/* "largest-note", "empty-note", "long-note", "nul-in-note", "control-in-note", "bad-utf8-note",
 * "cut-note" (without its last newline). */
void peer_send_checkpoint(struct rpc_call *call, const char *word);
/* "short-tile", "long-tile": by a byte; "empty-tile"; of entries also "fewer", "more",
 * "empty-entry", "long-entry". */
void peer_send_tile(struct rpc_call *call, const Provisiond__TileRequest *asked, const char *word);
/* "empty-key", "long-key", "other-tag", "other-length". */
void peer_send_key(struct rpc_call *call, const char *word);
/* "most-hashes" (64), "no-hashes", "too-many-hashes", "short-hash", "long-hash", "empty-leaf",
 * "largest-leaf", "long-leaf", "nul-in-leaf", "control-in-leaf", "bad-utf8-leaf", "negative-index",
 * "index-outside"; and the words of a checkpoint. */
void peer_send_receipt(struct rpc_call *call, const char *word);
/* "other-kind", "short-id", "no-product", "negative-units", "negative-remaining", "more-taken",
 * "negative-index", "no-signers", "most-signers" (16), "too-many-signers", "short-signer". */
void peer_send_grant(struct rpc_call *call, const char *word);

#endif
