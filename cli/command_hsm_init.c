/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl hsm init: the identity of an HSM, and the page of its ceremony. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"
#include "cli/transcript.h"
#include "core/clock.h"

#define PUBLIC_KEY_MAX_BYTES 2048
#define ANCHOR_TIMEOUT_MS    5000
#define ANCHOR_POLL_US       100000

enum { CHECKPOINT_FILE, TRANSPORT_FILE, TRANSCRIPT_FILE, FILE_COUNT };

/* Opened before the HSM is asked for anything; what was not asked for is not open. */
struct init_files {
    char paths[FILE_COUNT][PATH_MAX];
    struct file_output outputs[FILE_COUNT];
};

static void close_files(struct init_files *files)
{
    for (size_t i = 0; i < FILE_COUNT; i++)
        file_output_clear(&files->outputs[i]);
}

static enum error open_key_files(const char *folder, struct init_files *files,
                                 struct failure *failure)
{
    static const char *const names[] = {"checkpoint.pub.pem", "transport.pub.pem"};
    enum error e = ERR_OK;
    for (size_t i = 0; folder != NULL && i <= TRANSPORT_FILE && e == ERR_OK; i++) {
        int n = snprintf(files->paths[i], PATH_MAX, "%s/%s", folder, names[i]);
        if (n >= PATH_MAX)
            e = failure_set_usage(failure, "The path of --out-dir is too long");
        else
            e = file_output_open(files->paths[i], &files->outputs[i], failure);
    }
    return e;
}

/* A ceremony has two people and a page; any other command has none of the three. */
static enum error check_people(const struct arguments *arguments, struct failure *failure)
{
    const char *officer = arguments_get(arguments, OPTION_OFFICER);
    const char *witness = arguments_get(arguments, OPTION_WITNESS);
    const int given =
        (officer != NULL) + (witness != NULL) + (int)arguments_has(arguments, OPTION_TRANSCRIPT);
    if (given != 0 && given != 3)
        return failure_set_usage(
            failure, "--officer, --witness and --transcript belong together: a ceremony "
                     "has two people and a page that both sign");
    if (given == 3 && strcasecmp(officer, witness) == 0)
        return failure_set_usage(failure, "--officer and --witness are two people, not one");
    return ERR_OK;
}

static enum error open_files(const struct arguments *arguments, struct init_files *files,
                             struct failure *failure)
{
    enum error e = open_key_files(arguments_get(arguments, OPTION_OUT_DIR), files, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_TRANSCRIPT))
        e = file_output_open(arguments_get(arguments, OPTION_TRANSCRIPT),
                             &files->outputs[TRANSCRIPT_FILE], failure);
    return e;
}

static enum error fail_key(struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL, "The vault's answer holds no public key");
}

static void free_bio(BIO **memory)
{
    BIO_free(*memory);
}
#define BIO_AUTO __attribute__((cleanup(free_bio))) BIO

/* DER from the vault to PEM, through libcrypto: what is no public key is not written. */
static enum error read_key(ProtobufCBinaryData der, BIO *memory, struct bytes *ret_pem,
                           struct failure *failure)
{
    const unsigned char *at = der.data;
    char *pem = NULL;
    EVP_PKEY *key = NULL;
    if (memory == NULL)
        return failure_set_memory(failure);
    if (der.len > 0 && der.len <= PUBLIC_KEY_MAX_BYTES)
        key = d2i_PUBKEY(NULL, &at, (long)der.len);
    const bool is_key =
        key != NULL && at == der.data + der.len && PEM_write_bio_PUBKEY(memory, key) == 1;
    EVP_PKEY_free(key);
    if (!is_key)
        return fail_key(failure);
    const long length = BIO_get_mem_data(memory, &pem);
    *ret_pem = bytes_of(pem, (size_t)length);
    return ERR_OK;
}

static enum error ask_status(const struct arguments *arguments, Provisiond__AdminReply **ret_reply,
                             struct failure *failure)
{
    Provisiond__AdminStatusRequest status = PROVISIOND__ADMIN_STATUS_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STATUS;
    request.status = &status;
    return admin_ask(arguments, &request, -1, ret_reply, failure);
}

/* The HSM signs the journal's first head, and remembers it, a moment after its keys were made. */
static enum error await_anchor(const struct arguments *arguments,
                               Provisiond__AdminReply **ret_reply, struct failure *failure)
{
    const deadline_ms deadline = deadline_in(ANCHOR_TIMEOUT_MS);
    enum error e = ask_status(arguments, ret_reply, failure);
    while (e == ERR_OK && (*ret_reply)->status->checkpoint_size == 0 &&
           deadline_left_ms(deadline) > 0) {
        admin_reply_free(ret_reply);
        (void)usleep(ANCHOR_POLL_US);
        e = ask_status(arguments, ret_reply, failure);
    }
    return e;
}

static enum error write_transcript(const struct arguments *arguments,
                                   const Provisiond__AdminInitReply *init, struct bytes checkpoint,
                                   struct bytes transport, struct file_output *output,
                                   struct failure *failure)
{
    ADMIN_REPLY_AUTO reply = NULL;
    char *text = NULL;
    size_t length = 0;
    enum error e = await_anchor(arguments, &reply, failure);
    if (e != ERR_OK)
        return e;
    const struct transcript transcript = {
        .time_ms = clock_unix_ms(),
        .version = "provctl " PROVISIOND_VERSION,
        .officer = arguments_get(arguments, OPTION_OFFICER),
        .witness = arguments_get(arguments, OPTION_WITNESS),
        .checkpoint = checkpoint,
        .transport = transport,
        .init = init,
        .status = reply->status,
    };
    e = transcript_write(&transcript, &text, &length, failure);
    if (e == ERR_OK)
        e = file_output_commit(output, bytes_of(text, length), failure);
    free(text);
    return e;
}

static enum error write_files(const struct arguments *arguments,
                              const Provisiond__AdminInitReply *init, struct init_files *files,
                              struct failure *failure)
{
    BIO_AUTO *checkpoint = BIO_new(BIO_s_mem());
    BIO_AUTO *transport = BIO_new(BIO_s_mem());
    struct bytes pem[2];
    enum error e = read_key(init->checkpoint_spki, checkpoint, &pem[CHECKPOINT_FILE], failure);
    if (e == ERR_OK)
        e = read_key(init->transport_spki, transport, &pem[TRANSPORT_FILE], failure);
    for (size_t i = 0; i <= TRANSPORT_FILE && e == ERR_OK; i++)
        if (files->outputs[i].path != NULL)
            e = file_output_commit(&files->outputs[i], pem[i], failure);
    if (e == ERR_OK && files->outputs[TRANSCRIPT_FILE].path != NULL)
        e = write_transcript(arguments, init, pem[CHECKPOINT_FILE], pem[TRANSPORT_FILE],
                             &files->outputs[TRANSCRIPT_FILE], failure);
    return e;
}

static enum error print_identity(const Provisiond__AdminInitReply *reply, bool is_json,
                                 struct failure *failure)
{
    struct sha256 identity;
    char hex[SHA256_HEX_SIZE];
    enum error e = admin_read_digest(reply->hsm_identity, &identity, failure);
    if (e != ERR_OK)
        return e;
    hex_encode(bytes_of(identity.bytes, SHA256_SIZE), hex);
    if (is_json)
        return output_json(json_pack("{s:s}", "hsm_identity", hex), failure);
    (void)puts(hex);
    return ERR_OK;
}

enum error command_hsm_init(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__AdminInitRequest init = PROVISIOND__ADMIN_INIT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    __attribute__((cleanup(close_files))) struct init_files files = {0};
    enum error e = check_people(arguments, failure);
    if (e != ERR_OK)
        return e;
    init.site = (char *)arguments_get(arguments, OPTION_SITE);
    if (arguments_has(arguments, OPTION_TRANSCRIPT)) {
        init.officer = (char *)arguments_get(arguments, OPTION_OFFICER);
        init.witness = (char *)arguments_get(arguments, OPTION_WITNESS);
    }
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_INIT;
    request.init = &init;
    e = open_files(arguments, &files, failure);
    if (e == ERR_OK)
        e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK)
        e = write_files(arguments, reply->init, &files, failure);
    if (e == ERR_OK)
        e = print_identity(reply->init, arguments_has(arguments, OPTION_JSON), failure);
    return e;
}
