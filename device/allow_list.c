/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The pass over the file, which cuts it into entries. One buffer for the file's bytes, one for an
 * entry; both belong to the call. */
#include "device/allow_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "device/list_entry.h"

#define BUFFER_BYTES ((size_t)64 * 1024)
#define END          (-1)

static const char PLAIN_HEAD[] = "provisiond-devices 1 ";

struct pass {
    const struct allow_list_question *question;
    int file;
    EVP_MD_CTX *digest; /* of what was read */
    int64_t total;
    size_t at;
    size_t length; /* of buffer */
    struct fault read_fault;
    struct allow_list list;
    size_t entry_length;
    uint8_t buffer[BUFFER_BYTES];
    uint8_t entry[ALLOW_LIST_ENTRY_MAX_BYTES];
};

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

static enum error refuse_form(struct fault *fault)
{
    return refuse(fault, "list-form",
                  "The file is neither a list that begins with \"provisiond-devices 1 PRODUCT\" "
                  "nor a JSON array of JWS objects, or it is cut off.");
}

/* ---- bytes ---- */

static enum error fill(struct pass *pass)
{
    ssize_t count = 0;
    do
        count = read(pass->file, pass->buffer, sizeof pass->buffer);
    while (count < 0 && errno == EINTR);
    pass->at = 0;
    pass->length = count > 0 ? (size_t)count : 0;
    if (count < 0)
        return fault_set(&pass->read_fault, ERR_BAD_REQUEST, "list-unreadable",
                         "The list cannot be read.", errno);
    pass->total += count;
    if (pass->total > ALLOW_LIST_MAX_BYTES)
        return fault_set(&pass->read_fault, ERR_TOO_LARGE, "list-too-large",
                         "A list of devices has at most 1 GiB.", 0);
    if (EVP_DigestUpdate(pass->digest, pass->buffer, pass->length) != 1)
        return fault_set(&pass->read_fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return ERR_OK;
}

/* The next byte; END at the end, and when reading failed (read_fault). */
static int next(struct pass *pass)
{
    if (pass->read_fault.code != ERR_OK)
        return END;
    if (pass->at == pass->length && (fill(pass) != ERR_OK || pass->length == 0))
        return END;
    return pass->buffer[pass->at++];
}

static bool is_space(int byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static int next_visible(struct pass *pass)
{
    int byte = next(pass);
    while (is_space(byte))
        byte = next(pass);
    return byte;
}

static bool keep(struct pass *pass, int byte)
{
    if (pass->entry_length == sizeof pass->entry)
        return false;
    pass->entry[pass->entry_length++] = (uint8_t)byte;
    return true;
}

/* ---- devices ---- */

static enum error take(struct pass *pass, const struct listed_device *device, struct fault *fault)
{
    if (pass->list.count >= ALLOW_LIST_DEVICES_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "list-too-many",
                         "A list has at most 100000 devices: split it into several.", 0);
    return pass->question->take(pass->question->context, device, fault);
}

/* Tells which entry it was. */
static enum error end_entry(struct pass *pass, enum error e, struct fault *fault)
{
    if (e == ERR_OK)
        pass->list.count++;
    else if (fault != NULL && e == ERR_BAD_REQUEST)
        fault->native = (long)pass->list.count + 1;
    return e;
}

static enum error refuse_long(struct fault *fault)
{
    return refuse(fault, "list-entry", "An entry of the list is longer than 32 KiB.");
}

/* ---- plain ---- */

/* One line without its end; false when there is none, or when it is too long. */
static bool read_line(struct pass *pass, bool *ret_is_long)
{
    int byte = next(pass);
    *ret_is_long = false;
    pass->entry_length = 0;
    if (byte == END)
        return false;
    for (; byte != END && byte != '\n'; byte = next(pass)) {
        if (!keep(pass, byte)) {
            *ret_is_long = true;
            return false;
        }
    }
    if (pass->entry_length > 0 && pass->entry[pass->entry_length - 1] == '\r')
        pass->entry_length--;
    return true;
}

static enum error check_head(struct pass *pass, struct fault *fault)
{
    const size_t prefix = sizeof PLAIN_HEAD - 1;
    const size_t name = strlen(pass->question->product);
    bool is_long = false;
    if (!read_line(pass, &is_long) || pass->entry_length < prefix ||
        memcmp(pass->entry, PLAIN_HEAD, prefix) != 0)
        return refuse_form(fault);
    if (pass->entry_length != prefix + name ||
        memcmp(pass->entry + prefix, pass->question->product, name) != 0)
        return refuse(fault, "list-product", "The list is one of another product's devices.");
    return ERR_OK;
}

static enum error read_plain(struct pass *pass, struct fault *fault)
{
    bool is_long = false;
    enum error e = check_head(pass, fault);
    while (e == ERR_OK && read_line(pass, &is_long)) {
        struct listed_device device;
        e = list_entry_plain(pass->question, bytes_of(pass->entry, pass->entry_length), &device,
                             fault);
        if (e == ERR_OK)
            e = take(pass, &device, fault);
        e = end_entry(pass, e, fault);
    }
    return e == ERR_OK && is_long ? end_entry(pass, refuse_long(fault), fault) : e;
}

static enum error check_plain(struct pass *pass, struct fault *fault)
{
    const struct bytes signature = pass->question->signature;
    if (signature.length == 0)
        return refuse(fault, "list-unsigned",
                      "A plain list needs its signature beside it: provctl device allow PRODUCT "
                      "LIST --signature FILE.");
    if (!list_signers_verify(pass->question->signers, &pass->list.digest, signature,
                             &pass->list.signer))
        return refuse(
            fault, "list-signer",
            "The list is not signed by a signer that the product trusts, or was changed.");
    return ERR_OK;
}

/* ---- manifest ---- */

/* Collects one object, whose first byte was read, up to its closing brace. False: it is too long
 * or does not end. */
static bool read_object(struct pass *pass, bool *ret_is_long)
{
    bool is_text = false;
    bool is_escaped = false;
    int depth = 0;
    pass->entry_length = 0;
    for (int byte = '{'; byte != END; byte = next(pass)) {
        *ret_is_long = !keep(pass, byte);
        if (*ret_is_long)
            return false;
        if (is_text) {
            is_text = is_escaped || byte != '"';
            is_escaped = !is_escaped && byte == '\\';
        } else if (byte == '"') {
            is_text = true;
        } else {
            depth += (byte == '{') - (byte == '}');
        }
        if (depth == 0)
            return true;
    }
    return false;
}

static enum error take_object(struct pass *pass, struct fault *fault)
{
    struct listed_device device;
    struct sha256 signer;
    bool is_long = false;
    if (!read_object(pass, &is_long))
        return is_long ? refuse_long(fault) : refuse_form(fault);
    enum error e = list_entry_jws(pass->question, bytes_of(pass->entry, pass->entry_length),
                                  &device, &signer, fault);
    if (e == ERR_OK && pass->list.count > 0 && !sha256_equal(&signer, &pass->list.signer))
        e = refuse(fault, "list-signer", "The list's entries are signed by different signers.");
    if (e != ERR_OK)
        return e;
    pass->list.signer = signer;
    return take(pass, &device, fault);
}

/* After the opening bracket. */
static enum error read_manifest(struct pass *pass, struct fault *fault)
{
    int byte = next_visible(pass);
    while (byte != ']') {
        enum error e = byte == '{' ? take_object(pass, fault) : refuse_form(fault);
        e = end_entry(pass, e, fault);
        if (e != ERR_OK)
            return e;
        byte = next_visible(pass);
        if (byte == ',')
            byte = next_visible(pass) == '{' ? '{' : END;
        else if (byte != ']')
            return refuse_form(fault);
    }
    return next_visible(pass) == END ? ERR_OK : refuse_form(fault);
}

/* ---- the whole ---- */

static enum error finish(struct pass *pass, bool is_plain, struct fault *fault)
{
    if (EVP_DigestFinal_ex(pass->digest, pass->list.digest.bytes, NULL) != 1)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (pass->list.count == 0)
        return refuse(fault, "list-empty", "The list names no device.");
    return is_plain ? check_plain(pass, fault) : ERR_OK;
}

static enum error run(struct pass *pass, struct fault *fault)
{
    const int first = next(pass);
    const bool is_plain = first == PLAIN_HEAD[0];
    enum error e = ERR_OK;
    if (is_plain) {
        pass->at--;
        e = read_plain(pass, fault);
    } else {
        e = first == '[' || (is_space(first) && next_visible(pass) == '[')
                ? read_manifest(pass, fault)
                : refuse_form(fault);
    }
    if (pass->read_fault.code != ERR_OK) { /* which is why the text ended */
        if (fault != NULL)
            *fault = pass->read_fault;
        return pass->read_fault.code;
    }
    return e == ERR_OK ? finish(pass, is_plain, fault) : e;
}

enum error allow_list_read(const struct allow_list_question *question, int file,
                           struct allow_list *ret_list, struct fault *fault)
{
    struct pass *pass = malloc(sizeof *pass);
    if (pass == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    memset(pass, 0, offsetof(struct pass, buffer));
    pass->question = question;
    pass->file = file;
    pass->digest = EVP_MD_CTX_new();
    enum error e = ERR_INTERNAL;
    if (pass->digest != NULL && EVP_DigestInit_ex(pass->digest, EVP_sha256(), NULL) == 1)
        e = run(pass, fault);
    else
        (void)fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (e == ERR_OK)
        *ret_list = pass->list;
    EVP_MD_CTX_free(pass->digest);
    free(pass);
    return e;
}
