/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl init: the identity of an HSM. Owns no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/output.h"

#define PUBLIC_KEY_MAX_BYTES 2048

/* The two files of --out-dir, opened before the HSM is asked for anything. */
struct key_files {
    char paths[2][PATH_MAX];
    struct file_output outputs[2];
};

static void close_key_files(struct key_files *files)
{
    file_output_clear(&files->outputs[0]);
    file_output_clear(&files->outputs[1]);
}

static enum error open_key_files(const char *folder, struct key_files *files,
                                 struct failure *failure)
{
    static const char *const names[] = {"checkpoint.pub.pem", "transport.pub.pem"};
    enum error e = ERR_OK;
    for (size_t i = 0; folder != NULL && i < 2 && e == ERR_OK; i++) {
        int n = snprintf(files->paths[i], PATH_MAX, "%s/%s", folder, names[i]);
        if (n >= PATH_MAX)
            e = failure_set_usage(failure, "The path of --out-dir is too long");
        else
            e = file_output_open(files->paths[i], &files->outputs[i], failure);
    }
    return e;
}

static enum error fail_key(struct failure *failure)
{
    return failure_set_plain(failure, ERR_INTERNAL, "The vault's answer holds no public key");
}

/* DER from the vault to PEM, through libcrypto: what is no public key is not written. */
static enum error write_key(struct file_output *output, ProtobufCBinaryData der,
                            struct failure *failure)
{
    const unsigned char *at = der.data;
    char *pem = NULL;
    enum error e = ERR_OK;
    EVP_PKEY *key = NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    if (der.len > 0 && der.len <= PUBLIC_KEY_MAX_BYTES)
        key = d2i_PUBKEY(NULL, &at, (long)der.len);
    if (key == NULL || at != der.data + der.len || memory == NULL ||
        PEM_write_bio_PUBKEY(memory, key) != 1) {
        e = fail_key(failure);
    } else {
        long length = BIO_get_mem_data(memory, &pem);
        e = file_output_commit(output, bytes_of(pem, (size_t)length), failure);
    }
    BIO_free(memory);
    EVP_PKEY_free(key);
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

enum error command_init(const struct arguments *arguments, struct failure *failure)
{
    Provisiond__AdminInitRequest init = PROVISIOND__ADMIN_INIT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    ADMIN_REPLY_AUTO reply = NULL;
    __attribute__((cleanup(close_key_files))) struct key_files files = {0};
    init.site = (char *)arguments_get(arguments, OPTION_SITE);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_INIT;
    request.init = &init;
    enum error e = open_key_files(arguments_get(arguments, OPTION_OUT_DIR), &files, failure);
    if (e == ERR_OK)
        e = admin_ask(arguments, &request, -1, &reply, failure);
    if (e == ERR_OK && arguments_has(arguments, OPTION_OUT_DIR)) {
        e = write_key(&files.outputs[0], reply->init->checkpoint_spki, failure);
        if (e == ERR_OK)
            e = write_key(&files.outputs[1], reply->init->transport_spki, failure);
    }
    if (e == ERR_OK)
        e = print_identity(reply->init, arguments_has(arguments, OPTION_JSON), failure);
    return e;
}
