/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Replies about the journal and the grants: sound ones, and each lie that a word asks for. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/bytes.h"
#include "peer_reply.h"

#define NOTE_MAX    4095
#define LEAF_MAX    8192
#define PROOF_MAX   64
#define SIGNERS_MAX 16

const uint8_t PEER_SPKI[PEER_SPKI_BYTES] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1,
    0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d,
    0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
    0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b,
    0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

static bool is(const char *word, const char *wanted)
{
    return strcmp(word, wanted) == 0;
}

/* ---- texts ---- */

struct text {
    uint8_t bytes[LEAF_MAX + 1];
    ProtobufCBinaryData data;
};

static void set_text(struct text *text, const char *from)
{
    memset(text->bytes, 'a', sizeof text->bytes);
    memcpy(text->bytes, from, strlen(from));
    text->data = (ProtobufCBinaryData){.data = text->bytes, .len = strlen(from)};
}

static void make_note(struct text *note, const char *word)
{
    set_text(note, PEER_NOTE);
    if (is(word, "empty-note"))
        note->data.len = 0;
    if (is(word, "nul-in-note"))
        note->bytes[5] = '\0';
    if (is(word, "control-in-note"))
        note->bytes[5] = '\r';
    if (is(word, "bad-utf8-note"))
        note->bytes[5] = 0xe2;
    if (is(word, "cut-note"))
        note->data.len--;
    if (is(word, "largest-note") || is(word, "long-note")) {
        note->data.len = is(word, "long-note") ? NOTE_MAX + 1 : NOTE_MAX;
        note->bytes[note->data.len - 1] = '\n';
    }
}

static void make_leaf(struct text *leaf, const char *word)
{
    set_text(leaf, PEER_LEAF);
    if (is(word, "empty-leaf"))
        leaf->data.len = 0;
    if (is(word, "largest-leaf"))
        leaf->data.len = LEAF_MAX;
    if (is(word, "long-leaf"))
        leaf->data.len = LEAF_MAX + 1;
    if (is(word, "nul-in-leaf"))
        leaf->bytes[5] = '\0';
    if (is(word, "control-in-leaf"))
        leaf->bytes[5] = '\n';
    if (is(word, "bad-utf8-leaf"))
        leaf->bytes[5] = 0xff;
}

void peer_send_checkpoint(struct rpc_call *call, const char *word)
{
    struct text note;
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__CheckpointReply result = PROVISIOND__CHECKPOINT_REPLY__INIT;
    make_note(&note, word);
    result.note = note.data;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_CHECKPOINT;
    reply.checkpoint = &result;
    peer_send(call, &reply, -1);
}

/* ---- tiles ---- */

static size_t entry_length(unsigned i, const char *word)
{
    if (is(word, "largest"))
        return LEAF_MAX;
    if (i == 0 && is(word, "long-entry"))
        return LEAF_MAX + 1;
    return i == 0 && is(word, "empty-entry") ? 0 : PEER_ENTRY_BYTES + i;
}

static size_t fill_entries(uint8_t *out, unsigned count, const char *word)
{
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t length = entry_length(i, word);
        out[at++] = (uint8_t)(length >> 8);
        out[at++] = (uint8_t)length;
        memset(out + at, (int)(i % 251), length);
        at += length;
    }
    return at;
}

static size_t fill_hashes(uint8_t *out, unsigned width)
{
    size_t length = (size_t)width * SHA256_SIZE;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(i % 251);
    return length;
}

static size_t fill_tile(uint8_t *out, const Provisiond__TileRequest *asked, const char *word)
{
    unsigned width = asked->width + is(word, "more") - is(word, "fewer");
    size_t length = asked->entries ? fill_entries(out, width, word) : fill_hashes(out, width);
    if (is(word, "empty-tile"))
        return 0;
    if (is(word, "lying-entry"))
        memset(out, 0x1f, 2); /* it ends far behind the reply */
    out[length] = 0;
    return length + is(word, "long-tile") - is(word, "short-tile");
}

void peer_send_tile(struct rpc_call *call, const Provisiond__TileRequest *asked, const char *word)
{
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__TileReply result = PROVISIOND__TILE_REPLY__INIT;
    uint8_t *bytes = malloc((size_t)(asked->width + 2) * (LEAF_MAX + 3));
    ck_assert_ptr_nonnull(bytes);
    result.data = (ProtobufCBinaryData){.data = bytes, .len = fill_tile(bytes, asked, word)};
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_TILE;
    reply.tile = &result;
    peer_send(call, &reply, -1);
    free(bytes);
}

/* ---- the key ---- */

void peer_send_key(struct rpc_call *call, const char *word)
{
    uint8_t spki[132] = {0};
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__JournalKeyReply result = PROVISIOND__JOURNAL_KEY_REPLY__INIT;
    memcpy(spki, PEER_SPKI, PEER_SPKI_BYTES);
    result.spki = (ProtobufCBinaryData){.data = spki, .len = PEER_SPKI_BYTES};
    if (is(word, "empty-key"))
        result.spki.len = 0;
    if (is(word, "long-key")) {
        spki[1] = 128;
        result.spki.len = 130;
    }
    if (is(word, "other-tag"))
        spki[0] = 0x31;
    if (is(word, "other-length"))
        spki[1]++;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_JOURNAL_KEY;
    reply.journal_key = &result;
    peer_send(call, &reply, -1);
}

/* ---- receipts ---- */

/* Byte j of hash i is i. */
static size_t fill_proof(ProtobufCBinaryData proof[PROOF_MAX + 1],
                         uint8_t hashes[PROOF_MAX + 1][SHA256_SIZE + 1], const char *word)
{
    for (size_t i = 0; i <= PROOF_MAX; i++) {
        memset(hashes[i], (int)i, SHA256_SIZE + 1);
        proof[i] = (ProtobufCBinaryData){.data = hashes[i], .len = SHA256_SIZE};
    }
    if (is(word, "short-hash"))
        proof[2].len--;
    if (is(word, "long-hash"))
        proof[2].len++;
    if (is(word, "too-many-hashes"))
        return PROOF_MAX + 1;
    if (is(word, "no-hashes"))
        return 0;
    return is(word, "most-hashes") ? PROOF_MAX : 3;
}

void peer_send_receipt(struct rpc_call *call, const char *word)
{
    struct text leaf;
    struct text note;
    ProtobufCBinaryData proof[PROOF_MAX + 1];
    uint8_t hashes[PROOF_MAX + 1][SHA256_SIZE + 1];
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__ReceiptReply result = PROVISIOND__RECEIPT_REPLY__INIT;
    make_leaf(&leaf, word);
    make_note(&note, word);
    result.leaf = leaf.data;
    result.note = note.data;
    result.proof = proof;
    result.n_proof = fill_proof(proof, hashes, word);
    result.index = is(word, "negative-index") ? -1 : 7;
    result.tree_size = is(word, "index-outside") ? 7 : 1042;
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_RECEIPT;
    reply.receipt = &result;
    peer_send(call, &reply, -1);
}

/* ---- grants ---- */

static void tell_lies(Provisiond__GrantApplyReply *result, const char *word)
{
    if (is(word, "other-kind"))
        result->kind = (char *)(uintptr_t) "gift";
    if (is(word, "no-product"))
        result->product = (char *)(uintptr_t) "";
    if (is(word, "short-id"))
        result->grant_id.len--;
    if (is(word, "negative-units"))
        result->units = result->taken = -1;
    if (is(word, "negative-remaining"))
        result->remaining = -1;
    if (is(word, "more-taken"))
        result->taken = result->units + 1;
    if (is(word, "negative-index"))
        result->journal_index = -1;
    if (is(word, "no-signers"))
        result->n_signers = 0;
    if (is(word, "most-signers"))
        result->n_signers = SIGNERS_MAX;
    if (is(word, "too-many-signers"))
        result->n_signers = SIGNERS_MAX + 1;
    if (is(word, "short-signer"))
        result->signers[1].len--;
}

void peer_send_grant(struct rpc_call *call, const char *word)
{
    uint8_t id[UUID_SIZE];
    uint8_t key[SHA256_SIZE];
    ProtobufCBinaryData signers[SIGNERS_MAX + 1];
    Provisiond__StationReply reply = PROVISIOND__STATION_REPLY__INIT;
    Provisiond__GrantApplyReply result = PROVISIOND__GRANT_APPLY_REPLY__INIT;
    memset(id, 0x42, sizeof id);
    memset(key, 0xcd, sizeof key);
    for (size_t i = 0; i <= SIGNERS_MAX; i++)
        signers[i] = (ProtobufCBinaryData){.data = key, .len = sizeof key};
    result.kind = (char *)(uintptr_t) "revoke";
    result.grant_id = (ProtobufCBinaryData){.data = id, .len = sizeof id};
    result.product = (char *)(uintptr_t) "widget";
    result.units = 500;
    result.taken = 41;
    result.granted = 59;
    result.remaining = 0;
    result.sequence = 4;
    result.journal_index = 17;
    result.signers = signers;
    result.n_signers = 2;
    tell_lies(&result, word);
    reply.result_case = PROVISIOND__STATION_REPLY__RESULT_GRANT_APPLY;
    reply.grant_apply = &result;
    peer_send(call, &reply, -1);
}
