/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* JSON by jansson, signatures by openssl(1). */
#include "signed_grant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "grant/authority.h"

#define DOCUMENT_MAX ((size_t)128 * 1024)
#define ANCHORS_PEM  "the anchors of a test\n"

/* ---- officers ---- */

const char *signed_grant_officer_pem(struct maker *maker, unsigned officer)
{
    char name[32];
    ck_assert_uint_lt(officer, MAKER_OFFICERS);
    if (maker->officers[officer] == NULL) {
        (void)snprintf(name, sizeof name, "Officer %u", officer);
        maker->officers[officer] = pki_root(name);
    }
    return pki_certificate(maker->officers[officer]);
}

static struct authority_set *set_of(struct maker *maker, unsigned officers, unsigned threshold)
{
    const char *pems[MAKER_OFFICERS];
    size_t count = 0;
    struct fault fault;
    struct authority_set *set = NULL;
    for (unsigned i = 0; i < MAKER_OFFICERS; i++) {
        if ((officers & 1U << i) != 0)
            pems[count++] = signed_grant_officer_pem(maker, i);
    }
    ck_assert_int_eq(authority_set_new(pems, count, threshold, &set, &fault), ERR_OK);
    return set;
}

struct sha256 signed_grant_authorities(struct maker *maker, unsigned officers, unsigned threshold)
{
    struct authority_set *set = set_of(maker, officers, threshold);
    struct sha256 digest = authority_set_digest(set);
    authority_set_free(set);
    return digest;
}

static unsigned authorities_of(const struct signed_grant *grant)
{
    return grant->authorities != 0 ? grant->authorities : 7;
}

static unsigned threshold_of(const struct signed_grant *grant)
{
    return grant->threshold != 0 ? grant->threshold : 2;
}

static unsigned signers_of(const struct signed_grant *grant)
{
    return grant->signers != 0 ? grant->signers : OFFICERS(0, 1);
}

static const char *policy_of(const struct signed_grant *grant)
{
    return grant->policy != NULL ? grant->policy : "per-device";
}

/* ---- the document ---- */

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL)
        ck_assert_int_eq(json_object_set_new(object, name, json_string(text)), 0);
}

static void set_number(json_t *object, const char *name, int64_t number)
{
    if (number != 0)
        ck_assert_int_eq(json_object_set_new(object, name, json_integer(number)), 0);
}

static json_t *settings_json(struct maker *maker, const struct signed_grant *grant)
{
    json_t *authorities = json_array();
    for (unsigned i = 0; i < MAKER_OFFICERS; i++) {
        if ((authorities_of(grant) & 1U << i) != 0)
            json_array_append_new(authorities, json_string(signed_grant_officer_pem(maker, i)));
    }
    return json_pack("{s:s, s:s, s:s, s:b, s:o, s:i, s:I}", "profile", "cms", "policy",
                     policy_of(grant), "anchors", ANCHORS_PEM, "allow_session_key_exposure", 0,
                     "authorities", authorities, "threshold", (int)threshold_of(grant),
                     "attempts_max", (json_int_t)grant->attempts_max);
}

static json_t *head_json(int64_t size, const char *root)
{
    return json_pack("{s:I, s:s}", "size", (json_int_t)size, "root", root);
}

static void set_own(struct maker *maker, json_t *object, const struct signed_grant *grant)
{
    char key[SHA256_HEX_SIZE];
    if (strcmp(grant->kind, "policy") == 0)
        json_object_set_new(object, "settings", settings_json(maker, grant));
    if (strcmp(grant->kind, "override") == 0) {
        json_object_set_new(object, "anchor", head_json(grant->anchor_size, grant->anchor_root));
        json_object_set_new(object, "head", head_json(grant->head_size, grant->head_root));
    }
    if (strcmp(grant->kind, "standby") == 0) {
        set_text(object, "standby", grant->standby);
        set_text(object, "transport_key", grant->transport_key);
        json_object_set_new(object, "allowed", json_boolean(grant->is_allowed));
    }
    if (strcmp(grant->kind, "rebind") == 0) {
        set_text(object, "serial", MAKER_FORMAT("SN-%u", grant->old_device));
        set_text(object, "old_key", maker_digest("device", grant->old_device, key));
        set_text(object, "new_key", maker_digest("device", grant->new_device, key));
    }
}

static char *document_json(struct maker *maker, const struct signed_grant *grant)
{
    char id[37];
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "type", "provisiond-grant/1", "id",
                  maker_uuid(grant->id, id), "kind", grant->kind, "product", grant->product, "site",
                  grant->site != NULL ? grant->site : MAKER_SITE, "hsm",
                  grant->hsm != NULL ? grant->hsm : maker->hsm_hex, "issued",
                  grant->issued != NULL ? grant->issued : "2026-11-27T00:00:00Z");
    ck_assert_ptr_nonnull(object);
    set_text(object, "not_before", grant->not_before);
    set_text(object, "not_after", grant->not_after);
    set_text(object, "lot", grant->lot);
    set_number(object, "units", grant->units);
    set_number(object, "sequence", grant->sequence);
    set_own(maker, object, grant);
    char *text = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* ---- signing ---- */

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    ck_assert_int_eq(fclose(file), 0);
}

static struct bytes get_file(const char *path)
{
    uint8_t *data = malloc(DOCUMENT_MAX);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(data, 1, DOCUMENT_MAX, file);
    (void)fclose(file);
    ck_assert_uint_gt(length, 0);
    return bytes_of(data, length);
}

/* " -signer PEM -inkey KEY" for each officer of the set */
static void add_signers(struct maker *maker, unsigned officers, char *command, size_t size)
{
    char certificate[TEMP_PATH_MAX], key[TEMP_PATH_MAX], name[32];
    for (unsigned i = 0; i < MAKER_OFFICERS; i++) {
        if ((officers & 1U << i) == 0)
            continue;
        (void)signed_grant_officer_pem(maker, i);
        (void)snprintf(name, sizeof name, "officer-%u.pem", i);
        temp_dir_path(maker->dir, name, certificate);
        (void)snprintf(name, sizeof name, "officer-%u.key", i);
        temp_dir_path(maker->dir, name, key);
        pki_write_certificate(maker->officers[i], certificate);
        pki_write_key(maker->officers[i], key);
        size_t used = strlen(command);
        ck_assert_int_lt(
            snprintf(command + used, size - used, " -signer %s -inkey %s", certificate, key),
            (int)(size - used));
    }
}

static struct bytes sign(struct maker *maker, const char *text, unsigned officers)
{
    char in[TEMP_PATH_MAX], out[TEMP_PATH_MAX], command[4096];
    temp_dir_path(maker->dir, "document.json", in);
    temp_dir_path(maker->dir, "document.p7s", out);
    put_file(in, text);
    (void)snprintf(command, sizeof command,
                   "openssl cms -sign -nodetach -binary -outform DER -in %s -out %s", in, out);
    add_signers(maker, officers, command, sizeof command);
    ck_assert_int_eq(system(command), 0);
    return get_file(out);
}

void signed_grant_document(struct maker *maker, const struct signed_grant *grant,
                           char ret_digest[SHA256_HEX_SIZE])
{
    char *text = document_json(maker, grant);
    struct bytes document = sign(maker, text, signers_of(grant));
    free(text);
    const struct sha256 digest = sha256_of(document);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), ret_digest);
    maker->documents =
        realloc(maker->documents, (maker->document_count + 1) * sizeof *maker->documents);
    ck_assert_ptr_nonnull(maker->documents);
    maker->documents[maker->document_count++] = document;
}

/* ---- the leaf ---- */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_SIZE);
}

/* Only members of the set that judges are named; the tests' judges are the default set. */
static const char *signers_text(struct maker *maker, unsigned officers, char out[MAKER_TEXT])
{
    struct authority_set *set = set_of(maker, officers, 1);
    struct sha256 keys[MAKER_OFFICERS];
    size_t count = authority_set_count(set);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        keys[i] = authority_set_key(set, i);
    authority_set_free(set);
    qsort(keys, count, sizeof keys[0], compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            (void)strcat(out, ",");
        hex_encode(bytes_of(keys[i].bytes, SHA256_SIZE), out + strlen(out));
    }
    return out;
}

static const char *hex_of(struct sha256 digest, char out[SHA256_HEX_SIZE])
{
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), out);
    return out;
}

/* The settings' part of a leaf, in pieces that are sorted among other fields. */
static const char *anchors_text(char out[MAKER_TEXT])
{
    char hex[SHA256_HEX_SIZE];
    return maker_format(out, "\"anchors\":\"%s\",",
                        hex_of(sha256_of(bytes_of(ANCHORS_PEM, strlen(ANCHORS_PEM))), hex));
}

static const char *authorities_text(struct maker *maker, const struct signed_grant *grant,
                                    char out[MAKER_TEXT])
{
    char hex[SHA256_HEX_SIZE];
    return maker_format(
        out, "\"attempts_max\":%lld,\"authorities\":\"%s\",", (long long)grant->attempts_max,
        hex_of(signed_grant_authorities(maker, authorities_of(grant), threshold_of(grant)), hex));
}

size_t signed_grant_leaf(struct maker *maker, const struct signed_grant *grant,
                         const char *document)
{
    char id[37], old_key[SHA256_HEX_SIZE], new_key[SHA256_HEX_SIZE];
    bool is_policy = strcmp(grant->kind, "policy") == 0;
    bool is_override = strcmp(grant->kind, "override") == 0;
    bool is_rebind = strcmp(grant->kind, "rebind") == 0;
    bool is_revoke = strcmp(grant->kind, "revoke") == 0;
    bool is_standby = strcmp(grant->kind, "standby") == 0;
    const char *first =
        is_policy     ? MAKER_FORMAT("%s%s", anchors_text((char[MAKER_TEXT]){0}),
                                     authorities_text(maker, grant, (char[MAKER_TEXT]){0}))
        : is_override ? MAKER_FORMAT("\"anchor_root\":\"%s\",\"anchor_size\":%lld,",
                                     grant->anchor_root, (long long)grant->anchor_size)
        : is_standby  ? MAKER_FORMAT("\"allowed\":%s,", grant->is_allowed ? "true" : "false")
                      : "";
    const char *heads = is_override ? MAKER_FORMAT("\"head_root\":\"%s\",\"head_size\":%lld,",
                                                   grant->head_root, (long long)grant->head_size)
                                    : "";
    const char *lot = grant->lot != NULL ? MAKER_FORMAT("\"lot\":\"%s\",", grant->lot) : "";
    const char *keys = is_rebind ? MAKER_FORMAT("\"new_key\":\"%s\",\"old_key\":\"%s\",",
                                                maker_digest("device", grant->new_device, new_key),
                                                maker_digest("device", grant->old_device, old_key))
                                 : "";
    const char *sequence =
        grant->sequence != 0 ? MAKER_FORMAT("\"sequence\":%lld,", (long long)grant->sequence) : "";
    const char *serial = is_rebind ? MAKER_FORMAT("\"serial\":\"SN-%u\",", grant->old_device) : "";
    const char *before = MAKER_FORMAT(
        "%s\"by\":\"uid:0\",\"document\":\"%s\",\"grant\":\"%s\",%s\"kind\":\"%s\",%s%s%s"
        "\"product\":\"%s\",%s\"quota\":%lld,%s%s%s\"signers\":\"%s\",%s",
        first, document, maker_uuid(grant->id, id), heads, grant->kind, lot, keys,
        is_policy ? MAKER_FORMAT("\"policy\":\"%s\",", policy_of(grant)) : "", grant->product,
        is_policy ? "\"profile\":\"cms\"," : "", (long long)grant->quota, sequence, serial,
        is_policy ? "\"session_key_exposure\":false," : "",
        signers_text(maker, signers_of(grant), (char[MAKER_TEXT]){0}),
        is_revoke    ? MAKER_FORMAT("\"taken\":%lld,", (long long)grant->taken)
        : is_standby ? MAKER_FORMAT("\"spki\":\"%s\",\"standby\":\"%s\",", grant->transport_key,
                                    grant->standby)
                     : "");
    return maker_leaf(maker, "grant", before,
                      grant->units != 0 ? MAKER_FORMAT(",\"units\":%lld", (long long)grant->units)
                                        : "");
}

size_t signed_grant_add(struct maker *maker, const struct signed_grant *grant)
{
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, grant, digest);
    return signed_grant_leaf(maker, grant, digest);
}

size_t signed_grant_product(struct maker *maker, const struct signed_grant *grant)
{
    maker_leaf(maker, "product-created",
               MAKER_FORMAT("%s%s\"by\":\"uid:0\","
                            "\"firmware_key\":\"000102030405060708090a0b0c0d0e0f\","
                            "\"governed\":true,\"policy\":\"%s\",\"product\":\"%s\","
                            "\"profile\":\"cms\",\"quota\":0,\"session_key_exposure\":false,",
                            anchors_text((char[MAKER_TEXT]){0}),
                            authorities_text(maker, grant, (char[MAKER_TEXT]){0}), policy_of(grant),
                            grant->product),
               "");
    return signed_grant_add(maker, grant);
}
