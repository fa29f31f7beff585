/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl image seal: on the maker's own machine a firmware becomes a package for the HSM of one
 * site. Asks no service; the session key is in this process's locked memory and nowhere else. Owns
 * no state.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "cli/answer.h"
#include "cli/authorities.h"
#include "cli/commands.h"
#include "cli/file_output.h"
#include "cli/firmware_line.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/standby_key.h"
#include "core/clock.h"
#include "handover/package.h"
#include "seal/seal.h"

#define IMAGE_MAX    ((int64_t)4 * 1024 * 1024 * 1024)
#define BLOCK_BYTES  ((size_t)64 * 1024)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One package on its way. */
struct sealing {
    const struct arguments *arguments;
    struct standby_key key;
    struct firmware_file firmware;
    struct file_output cipher; /* the encrypted image; never gets a name */
    struct file_output output;
    struct pack_making making;
    struct packed packed;
    struct seal seal;
    struct package package;
    struct fault fault;
    enum error result;
    struct failure *failure;
};

static void sealing_clear(struct sealing *sealing)
{
    seal_clear(&sealing->seal);
    file_output_clear(&sealing->cipher);
    file_output_clear(&sealing->output);
    if (sealing->firmware.fd >= 0)
        (void)close(sealing->firmware.fd);
}

#define SEALING_AUTO __attribute__((cleanup(sealing_clear))) struct sealing

static enum error fail(struct sealing *sealing, const char *about)
{
    const struct fault *fault = &sealing->fault;
    return failure_set_plain(sealing->failure, fault->code, "%s: %s", about, fault->detail);
}

static enum error fail_output(struct sealing *sealing)
{
    return failure_set_plain(sealing->failure, ERR_CONFIG, "%s cannot be written: %s",
                             sealing->output.path, strerror(errno));
}

/* ---- the line ---- */

/* The firmware's own line has said already whether there is such a format. */
static enum error find_format(struct sealing *sealing)
{
    const char *name = firmware_line_format(sealing->arguments);
    sealing->making.profile = license_profile_find(name);
    sealing->making.format = pack_format_find(name);
    return sealing->making.format != NULL
               ? ERR_OK
               : failure_set_usage(sealing->failure, "This build makes no images of that format");
}

static enum error read_key(struct sealing *sealing)
{
    const char *path = arguments_get(sealing->arguments, OPTION_SEAL_KEY);
    struct standby_key *key = &sealing->key;
    enum error e = standby_key_read(path, key, sealing->failure);
    if (e == ERR_OK && seal_check_peer(bytes_of(key->der, key->length), &sealing->fault) != ERR_OK)
        e = fail(sealing, path);
    return e;
}

/* The first set that governs the product, if its maker governs it. */
static enum error read_governors(struct sealing *sealing)
{
    struct authority_set *set = NULL;
    struct package *package = &sealing->package;
    enum error e = authorities_check_options(sealing->arguments, sealing->failure);
    if (e != ERR_OK || !arguments_has(sealing->arguments, OPTION_AUTHORITIES))
        return e;
    e = authorities_read(sealing->arguments, &set, sealing->failure);
    if (e != ERR_OK)
        return e;
    const struct sha256 digest = authority_set_digest(set);
    authority_set_free(set);
    memcpy(package->authorities, digest.bytes, SHA256_SIZE);
    package->authorities_length = SHA256_SIZE;
    return ERR_OK;
}

static enum error open_firmware(struct sealing *sealing)
{
    const char *path = sealing->arguments->operands[0];
    enum error e = firmware_line_open(sealing->arguments, &sealing->firmware, sealing->failure);
    if (e == ERR_OK && sealing->firmware.size > IMAGE_MAX)
        e = failure_set_plain(sealing->failure, ERR_TOO_LARGE, "%s is larger than 4 GiB", path);
    return e;
}

/* Both in the folder of --out, which has room for the image twice or says so. */
static enum error open_outputs(struct sealing *sealing)
{
    const struct arguments *arguments = sealing->arguments;
    const char *path = arguments_get(arguments, OPTION_OUT);
    const char *const inputs[] = {arguments->operands[0], arguments_get(arguments, OPTION_SEAL_KEY),
                                  arguments_get(arguments, OPTION_OPTION_BYTES)};
    if (strcmp(path, "-") == 0)
        return failure_set_usage(sealing->failure, "--out wants the name of a file");
    enum error e = file_output_refuse_inputs(path, inputs, COUNT(inputs), sealing->failure);
    if (e == ERR_OK)
        e = file_output_open(path, &sealing->output, sealing->failure);
    if (e == ERR_OK)
        e = file_output_open(path, &sealing->cipher, sealing->failure);
    return e;
}

/* ---- the encrypted image ---- */

static void pack(void *context)
{
    struct sealing *sealing = context;
    sealing->result = pack_image(&sealing->making, &sealing->packed, &sealing->fault);
}

static enum error encrypt(struct sealing *sealing)
{
    struct pack_making *making = &sealing->making;
    making->content = arguments_get_or(sealing->arguments, OPTION_CONTENT, "");
    making->clear_fd = sealing->firmware.fd;
    making->clear_length = (uint64_t)sealing->firmware.size;
    making->cipher_fd = sealing->cipher.fd;
    making->encrypt = seal_encrypt;
    making->context = &sealing->seal;
    progress_run(pack, sealing, sealing->firmware.fd, sealing->firmware.size);
    return sealing->result == ERR_OK ? ERR_OK : fail(sealing, sealing->arguments->operands[0]);
}

/* Each block of the encrypted image, from its first: hashed, and written behind the head when
 * output is no -1. */
static bool read_blocks(struct sealing *sealing, int output, EVP_MD_CTX *hash)
{
    uint8_t block[BLOCK_BYTES];
    off_t at = 0;
    ssize_t n = 1;
    while (n > 0) {
        n = pread(sealing->cipher.fd, block, sizeof block, at);
        if (n < 0 || EVP_DigestUpdate(hash, block, (size_t)n) != 1 ||
            (output >= 0 && write(output, block, (size_t)n) != n))
            return false;
        at += n;
    }
    sealing->package.size = at;
    return true;
}

static enum error hash_image(struct sealing *sealing, int output, struct sha256 *ret_digest)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool is_done = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                   read_blocks(sealing, output, hash) &&
                   EVP_DigestFinal_ex(hash, ret_digest->bytes, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return is_done ? ERR_OK : fail_output(sealing);
}

/* ---- the package ---- */

static void fill_package(struct sealing *sealing)
{
    const struct arguments *arguments = sealing->arguments;
    const struct pack_result *result = &sealing->packed.result;
    struct package *package = &sealing->package;
    package->transport_key = sealing->key.digest;
    strcpy(package->product, arguments_get(arguments, OPTION_PRODUCT));
    strcpy(package->profile, license_profile_name(sealing->making.profile));
    strcpy(package->content, sealing->packed.content->name);
    strcpy(package->label, arguments_get_or(arguments, OPTION_LABEL, ""));
    package->made_unix_ms = clock_unix_ms();
    memcpy(package->iv, result->iv, result->iv_length);
    package->iv_length = result->iv_length;
    memcpy(package->tag, result->tag, result->tag_length);
    package->tag_length = result->tag_length;
}

static enum error wrap(struct sealing *sealing)
{
    uint8_t info[PACKAGE_INFO_BYTES];
    struct seal_wrapped wrapped;
    struct package *package = &sealing->package;
    package_info(package, info);
    enum error e = seal_wrap(&sealing->seal, bytes_of(sealing->key.der, sealing->key.length),
                             bytes_of(info, sizeof info), &wrapped, &sealing->fault);
    seal_clear(&sealing->seal);
    if (e != ERR_OK)
        return fail(sealing, "The session key");
    memcpy(package->point, wrapped.point, sizeof wrapped.point);
    memcpy(package->key, wrapped.key, wrapped.key_length);
    package->key_length = wrapped.key_length;
    return ERR_OK;
}

static enum error write_head(struct sealing *sealing)
{
    char head[PACKAGE_HEAD_MAX];
    size_t length = 0;
    if (package_write_head(&sealing->package, head, &length, &sealing->fault) != ERR_OK)
        return fail(sealing, "The package");
    return write(sealing->output.fd, head, length) == (ssize_t)length ? ERR_OK
                                                                      : fail_output(sealing);
}

static enum error write_package(struct sealing *sealing)
{
    struct sha256 copied;
    enum error e = write_head(sealing);
    if (e == ERR_OK)
        e = hash_image(sealing, sealing->output.fd, &copied);
    if (e == ERR_OK && !sha256_equal(&copied, &sealing->package.image))
        e = failure_set_plain(sealing->failure, ERR_INTERNAL,
                              "The encrypted image changed while it was copied");
    return e == ERR_OK ? file_output_commit(&sealing->output, bytes_of(NULL, 0), sealing->failure)
                       : e;
}

static enum error check_image(struct sealing *sealing)
{
    if (pack_format_check(sealing->making.format, sealing->cipher.fd,
                          (uint64_t)sealing->package.size, &sealing->fault) == ERR_OK)
        return ERR_OK;
    return fail(sealing, sealing->arguments->operands[0]);
}

static enum error make(struct sealing *sealing)
{
    enum error e = encrypt(sealing);
    if (e == ERR_OK)
        e = hash_image(sealing, -1, &sealing->package.image);
    if (e == ERR_OK)
        e = check_image(sealing);
    if (e != ERR_OK)
        return e;
    fill_package(sealing);
    e = wrap(sealing);
    return e == ERR_OK ? write_package(sealing) : e;
}

/* ---- the command ---- */

/* On standard error: whoever exchanged the key's file on its way would have the firmware. */
static void print_receiver(const struct standby_key *key, bool is_governed)
{
    char digest[SHA256_HEX_SIZE];
    char identity[SHA256_HEX_SIZE];
    hex_encode(bytes_of(key->digest.bytes, SHA256_SIZE), digest);
    (void)fprintf(stderr, "Packed for the transport key %s", digest);
    if (key->has_identity) {
        hex_encode(bytes_of(key->identity.bytes, SHA256_SIZE), identity);
        (void)fprintf(stderr, "\nof the HSM %s", identity);
    }
    (void)fputs(": compare all digits with what the site reads to you.\n", stderr);
    if (!is_governed)
        (void)fputs("For any product of this name at that site: for one that you govern, give "
                    "--authorities and --threshold.\n",
                    stderr);
}

static enum error print_sealed(const struct sealing *sealing)
{
    const struct package *package = &sealing->package;
    char text[IMAGE_REFERENCE_SIZE];
    if (arguments_has(sealing->arguments, OPTION_JSON))
        return output_json(
            json_pack("{s:o, s:I, s:o, s:o, s:o, s:b}", "image", output_digest(&package->image),
                      "size", (json_int_t)package->size, "product", output_text(package->product),
                      "content", output_text(package->content), "transport_key",
                      output_digest(&package->transport_key), "governed",
                      (int)(package->authorities_length > 0)),
            sealing->failure);
    print_receiver(&sealing->key, package->authorities_length > 0);
    image_reference_format(&package->image, text);
    (void)puts(text);
    return ERR_OK;
}

enum error command_image_seal(const struct arguments *arguments, struct failure *failure)
{
    SEALING_AUTO sealing = {.arguments = arguments, .firmware.fd = -1, .failure = failure};
    enum error e = read_governors(&sealing);
    if (e == ERR_OK)
        e = read_key(&sealing);
    if (e == ERR_OK)
        e = open_firmware(&sealing);
    if (e == ERR_OK)
        e = find_format(&sealing);
    if (e == ERR_OK && secret_heap_init(&sealing.fault) != ERR_OK)
        e = fail(&sealing, "The session key");
    if (e == ERR_OK)
        e = open_outputs(&sealing);
    if (e == ERR_OK)
        e = make(&sealing);
    return e == ERR_OK ? print_sealed(&sealing) : e;
}
