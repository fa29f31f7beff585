/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Strict readers of provisiond's JSON. Owns no state. */
#include "cli/answer.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#define PROOF_MAX 64 /* hashes: a journal of 2^64 leaves */

/* Reads members one after the other; the first wrong one stays noted. */
struct reader {
    const json_t *object;
    const char *wrong; /* name of the first member that is not what it must be */
};

static void note(struct reader *reader, const char *name)
{
    if (reader->wrong == NULL)
        reader->wrong = name;
}

static const char *read_text(struct reader *reader, const char *name)
{
    const char *text = json_string_value(json_object_get(reader->object, name));
    if (text == NULL)
        note(reader, name);
    return text != NULL ? text : "";
}

/* An id is put on command lines, into file names and addresses: it has the form of a name. */
static void read_id(struct reader *reader, const char *name, char out[ANSWER_ID_MAX + 1])
{
    const char *text = read_text(reader, name);
    if (name_is_valid(text, ANSWER_ID_MAX))
        (void)snprintf(out, ANSWER_ID_MAX + 1, "%s", text);
    else
        note(reader, name);
}

static int64_t read_count(struct reader *reader, const char *name)
{
    const json_t *value = json_object_get(reader->object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        note(reader, name);
    return json_integer_value(value);
}

static bool read_bool(struct reader *reader, const char *name)
{
    const json_t *value = json_object_get(reader->object, name);
    if (!json_is_boolean(value))
        note(reader, name);
    return json_is_true(value);
}

static enum error fail_answer(struct failure *failure, const char *wrong)
{
    return failure_set_plain(failure, ERR_INTERNAL,
                             "The server's answer cannot be understood (%s). Is --url the address "
                             "of provisiond, and are the versions equal?",
                             wrong);
}

static enum error open_reader(struct bytes body, json_t **ret_root, struct reader *ret_reader,
                              struct failure *failure)
{
    json_t *root = json_loadb((const char *)body.data, body.length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return fail_answer(failure, "no JSON object");
    }
    *ret_root = root;
    *ret_reader = (struct reader){.object = root};
    return ERR_OK;
}

static enum error close_reader(json_t *root, const struct reader *reader, struct failure *failure)
{
    json_decref(root);
    return reader->wrong == NULL ? ERR_OK : fail_answer(failure, reader->wrong);
}

static void read_license_bytes(struct reader *reader, struct answer_license *license)
{
    const char *text = read_text(reader, "license");
    if (base64_decode(text, license->license, sizeof license->license, &license->license_length) !=
            ERR_OK ||
        license->license_length == 0)
        note(reader, "license");
}

enum error answer_read_license(struct bytes body, struct answer_license *ret_license,
                               struct failure *failure)
{
    struct answer_license license = {0};
    struct reader reader;
    json_t *root = NULL;
    enum error e = open_reader(body, &root, &reader, failure);
    if (e != ERR_OK)
        return e;
    read_id(&reader, "license_id", license.license_id);
    read_id(&reader, "install_id", license.install_id);
    read_license_bytes(&reader, &license);
    if (!image_reference_parse(read_text(&reader, "image"), &license.image))
        note(&reader, "image");
    license.is_charged = read_bool(&reader, "charged");
    license.attempt = read_count(&reader, "attempt");
    license.remaining = read_count(&reader, "remaining");
    license.journal_index = read_count(&reader, "journal_index");
    e = close_reader(root, &reader, failure);
    if (e == ERR_OK)
        *ret_license = license;
    return e;
}

/* Each whole number of an account and where it goes. */
static const struct {
    const char *name;
    size_t offset;
} COUNTS[] = {
    {"granted", offsetof(struct answer_usage, granted)},
    {"charged", offsetof(struct answer_usage, charged)},
    {"remaining", offsetof(struct answer_usage, remaining)},
    {"licensed", offsetof(struct answer_usage, licensed)},
    {"succeeded", offsetof(struct answer_usage, succeeded)},
    {"failed", offsetof(struct answer_usage, failed)},
    {"scrapped", offsetof(struct answer_usage, scrapped)},
    {"unreported", offsetof(struct answer_usage, unreported)},
    {"accepted", offsetof(struct answer_usage, accepted)},
    {"revoked", offsetof(struct answer_usage, revoked)},
    {"scrap_allowance", offsetof(struct answer_usage, scrap_allowance)},
    {"scrap_drawn", offsetof(struct answer_usage, scrap_drawn)},
    {"proven", offsetof(struct answer_usage, proven)},
};

static void read_counts(struct reader *reader, struct answer_usage *usage)
{
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        const int64_t count = read_count(reader, COUNTS[i].name);
        memcpy((char *)usage + COUNTS[i].offset, &count, sizeof count);
    }
}

static void read_ages(struct reader *reader, struct answer_usage *usage)
{
    static const char *const names[AGE_COUNT] = {"under_1h", "under_1d", "under_7d", "older"};
    struct reader ages = {.object = json_object_get(reader->object, "unreported_age")};
    for (size_t i = 0; i < AGE_COUNT; i++)
        usage->age[i] = read_count(&ages, names[i]);
    if (ages.wrong != NULL)
        note(reader, "unreported_age");
}

static void read_word(struct reader *reader, const char *name, char out[ANSWER_WORD_MAX + 1])
{
    const char *text = read_text(reader, name);
    if (name_is_valid(text, ANSWER_WORD_MAX))
        (void)snprintf(out, ANSWER_WORD_MAX + 1, "%s", text);
    else
        note(reader, name);
}

enum error answer_read_usage(struct bytes body, struct answer_usage *ret_usage,
                             struct failure *failure)
{
    struct answer_usage usage = {0};
    struct reader reader;
    json_t *root = NULL;
    enum error e = open_reader(body, &root, &reader, failure);
    if (e != ERR_OK)
        return e;
    read_counts(&reader, &usage);
    read_ages(&reader, &usage);
    usage.is_governed = read_bool(&reader, "governed");
    read_word(&reader, "policy", usage.policy);
    read_word(&reader, "anchor", usage.anchor);
    e = close_reader(root, &reader, failure);
    if (e == ERR_OK)
        *ret_usage = usage;
    return e;
}

/* A member that may be left out; *ret_has tells. */
static bool read_optional_bool(struct reader *reader, const char *name, bool *ret_has)
{
    *ret_has = json_object_get(reader->object, name) != NULL;
    return *ret_has && read_bool(reader, name);
}

enum error answer_read_outcome(struct bytes body, struct answer_outcome *ret_outcome,
                               struct failure *failure)
{
    struct answer_outcome outcome = {0};
    struct reader reader;
    json_t *root = NULL;
    enum error e = open_reader(body, &root, &reader, failure);
    if (e != ERR_OK)
        return e;
    outcome.is_proven = read_optional_bool(&reader, "proven", &outcome.has_proven);
    outcome.is_scrap_drawn = read_optional_bool(&reader, "scrap_drawn", &outcome.has_scrap_drawn);
    e = close_reader(root, &reader, failure);
    if (e == ERR_OK)
        *ret_outcome = outcome;
    return e;
}

/* An array of SHA-256 hashes in base64. */
static void check_proof(struct reader *reader)
{
    uint8_t hash[SHA256_SIZE];
    size_t length = 0;
    const json_t *proof = json_object_get(reader->object, "proof");
    bool is_good = json_is_array(proof) && json_array_size(proof) <= PROOF_MAX;
    for (size_t i = 0; is_good && i < json_array_size(proof); i++) {
        const char *text = json_string_value(json_array_get(proof, i));
        is_good = text != NULL && base64_decode(text, hash, sizeof hash, &length) == ERR_OK &&
                  length == sizeof hash;
    }
    if (!is_good)
        note(reader, "proof");
}

enum error answer_read_receipt(struct bytes body, struct answer_receipt *ret_receipt,
                               struct failure *failure)
{
    struct answer_receipt receipt = {0};
    struct reader reader;
    json_t *root = NULL;
    enum error e = open_reader(body, &root, &reader, failure);
    if (e != ERR_OK)
        return e;
    read_id(&reader, "license_id", receipt.license_id);
    receipt.index = read_count(&reader, "index");
    receipt.tree_size = read_count(&reader, "tree_size");
    check_proof(&reader);
    if (read_text(&reader, "leaf")[0] == '\0')
        note(&reader, "leaf");
    if (read_text(&reader, "checkpoint")[0] == '\0')
        note(&reader, "checkpoint");
    if (receipt.index >= receipt.tree_size)
        note(&reader, "tree_size");
    e = close_reader(root, &reader, failure);
    if (e == ERR_OK)
        *ret_receipt = receipt;
    return e;
}

/* An array of digests in hex. */
static void read_signers(struct reader *reader, struct answer_grant *grant)
{
    const json_t *signers = json_object_get(reader->object, "signers");
    size_t count = json_array_size(signers);
    bool is_good = json_is_array(signers) && count <= ANSWER_SIGNERS_MAX;
    for (size_t i = 0; is_good && i < count; i++) {
        const char *text = json_string_value(json_array_get(signers, i));
        is_good = text != NULL && hex_decode(text, grant->signers[i].bytes, SHA256_SIZE);
    }
    if (!is_good)
        note(reader, "signers");
    grant->signer_count = count;
}

enum error answer_read_grant(struct bytes body, struct answer_grant *ret_grant,
                             struct failure *failure)
{
    struct answer_grant grant = {0};
    struct reader reader;
    json_t *root = NULL;
    enum error e = open_reader(body, &root, &reader, failure);
    if (e != ERR_OK)
        return e;
    read_word(&reader, "kind", grant.kind);
    read_id(&reader, "grant_id", grant.id);
    read_id(&reader, "product", grant.product);
    grant.units = read_count(&reader, "units");
    grant.taken = read_count(&reader, "taken");
    grant.granted = read_count(&reader, "granted");
    grant.remaining = read_count(&reader, "remaining");
    grant.sequence = read_count(&reader, "sequence");
    grant.journal_index = read_count(&reader, "journal_index");
    read_signers(&reader, &grant);
    e = close_reader(root, &reader, failure);
    if (e == ERR_OK)
        *ret_grant = grant;
    return e;
}

bool answer_parse_digest(const char *text, struct sha256 *ret_digest)
{
    return image_reference_parse(text, ret_digest) ||
           hex_decode(text, ret_digest->bytes, SHA256_SIZE);
}

enum error answer_read_pair_id(const char *text, const char *prefix, char id[ANSWER_ID_MAX + 1],
                               struct failure *failure)
{
    const size_t length = strlen(prefix);
    if (!name_is_valid(text, ANSWER_ID_MAX))
        return failure_set_usage(failure,
                                 "%s is no id of a license or an install. provctl license prints "
                                 "one, and provctl install list shows them",
                                 text);
    (void)snprintf(id, ANSWER_ID_MAX + 1, "%s", text);
    if (strncmp(id, ANSWER_LICENSE_PREFIX, length) == 0 ||
        strncmp(id, ANSWER_INSTALL_PREFIX, length) == 0)
        memcpy(id, prefix, length);
    return ERR_OK;
}
