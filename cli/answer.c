/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Strict readers of provisiond's JSON. Owns no state. */
#include "cli/answer.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

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

enum error answer_read_usage(struct bytes body, struct answer_usage *ret_usage,
                             struct failure *failure)
{
    struct reader reader;
    json_t *root = NULL;
    enum error e = open_reader(body, &root, &reader, failure);
    if (e != ERR_OK)
        return e;
    const struct answer_usage usage = {.granted = read_count(&reader, "granted"),
                                       .charged = read_count(&reader, "charged"),
                                       .remaining = read_count(&reader, "remaining"),
                                       .licensed = read_count(&reader, "licensed"),
                                       .succeeded = read_count(&reader, "succeeded"),
                                       .failed = read_count(&reader, "failed"),
                                       .scrapped = read_count(&reader, "scrapped"),
                                       .unreported = read_count(&reader, "unreported")};
    e = close_reader(root, &reader, failure);
    if (e == ERR_OK)
        *ret_usage = usage;
    return e;
}

bool answer_parse_digest(const char *text, struct sha256 *ret_digest)
{
    return image_reference_parse(text, ret_digest) ||
           hex_decode(text, ret_digest->bytes, SHA256_SIZE);
}
