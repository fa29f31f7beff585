/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl restore: a backup into a folder that has another name until all of it was checked. Owns
 * no state.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "backup/ledger_check.h"
#include "backup/unpack.h"
#include "cli/commands.h"
#include "cli/file_input.h"
#include "cli/new_folder.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/crash_point.h"

struct restore {
    const struct arguments *arguments;
    struct failure *failure;
    struct new_folder folder;
    int in;
    struct unseal *unseal;
    uint8_t *checkpoint_key; /* DER, owned; NULL: none was given */
    int checkpoint_key_length;
    struct unpacked unpacked;
    struct ledger_checked checked;
    enum error result;
};

#define RESTORE_AUTO __attribute__((cleanup(restore_clear))) struct restore

static void restore_clear(struct restore *restore)
{
    unseal_free(&restore->unseal);
    OPENSSL_free(restore->checkpoint_key);
    if (restore->in >= 0)
        (void)close(restore->in);
    new_folder_clear(&restore->folder);
    unpacked_clear(&restore->unpacked);
}

static enum error fail(struct restore *restore, const char *path, const struct fault *fault)
{
    bool is_file = strcmp(fault->reason, BACKUP_FILE) == 0;
    return failure_set_plain(restore->failure, fault->code, "%s: %s%s%s", path, fault->detail,
                             is_file ? " " : "", is_file ? strerror((int)fault->native) : "");
}

/* ---- the keys ---- */

static enum error read_pem(struct restore *restore, enum option_id option, uint8_t **ret_pem,
                           size_t *ret_length)
{
    return file_input_read_bytes(arguments_get(restore->arguments, option), BACKUP_PEM_MAX, ret_pem,
                                 ret_length, restore->failure);
}

static enum error open_keys(struct restore *restore)
{
    struct fault fault = {0};
    uint8_t *certificate = NULL;
    uint8_t *key = NULL;
    size_t certificate_length = 0;
    size_t key_length = 0;
    enum error e = read_pem(restore, OPTION_BACKUP_CERT, &certificate, &certificate_length);
    if (e == ERR_OK)
        e = read_pem(restore, OPTION_BACKUP_KEY, &key, &key_length);
    if (e == ERR_OK &&
        unseal_new(bytes_of(certificate, certificate_length), bytes_of(key, key_length),
                   restore->in, &restore->unseal, &fault) != ERR_OK)
        e = fail(restore, arguments_get(restore->arguments, OPTION_BACKUP_KEY), &fault);
    if (key != NULL)
        OPENSSL_cleanse(key, key_length);
    free(key);
    free(certificate);
    return e;
}

static enum error open_checkpoint_key(struct restore *restore)
{
    uint8_t *pem = NULL;
    size_t length = 0;
    if (!arguments_has(restore->arguments, OPTION_CHECKPOINT_KEY))
        return ERR_OK;
    enum error e = read_pem(restore, OPTION_CHECKPOINT_KEY, &pem, &length);
    if (e != ERR_OK)
        return e;
    BIO *in = BIO_new_mem_buf(pem, (int)length);
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
    restore->checkpoint_key_length = key != NULL ? i2d_PUBKEY(key, &restore->checkpoint_key) : 0;
    EVP_PKEY_free(key);
    BIO_free(in);
    free(pem);
    if (restore->checkpoint_key_length > 0)
        return ERR_OK;
    return failure_set_plain(restore->failure, ERR_BAD_REQUEST,
                             "%s is no public key in PEM: take the checkpoint.pub.pem that provctl "
                             "init --out-dir wrote",
                             arguments_get(restore->arguments, OPTION_CHECKPOINT_KEY));
}

/* ---- the work ---- */

/* Nothing but the HSM's word binds the tables and the leaves behind the checkpoint; which of its
 * keys has given it is in the leaves. */
static enum error check_content(struct restore *restore, struct fault *fault)
{
    const struct bytes key =
        bytes_of(restore->checkpoint_key, (size_t)restore->checkpoint_key_length);
    char path[PATH_MAX];
    struct ledger_files files = {.path = path, .manifest = &restore->unpacked.manifest};
    enum error e = new_folder_path(&restore->folder, BACKUP_LEDGER, path, restore->failure);
    if (e != ERR_OK)
        return e;
    files.images =
        openat(restore->folder.fd, BACKUP_IMAGES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    e = ledger_check(&files, key, &restore->checked, fault);
    if (files.images >= 0)
        (void)close(files.images);
    if (e == ERR_OK && key.length > 0)
        e = unpacked_check_note(&restore->unpacked,
                                bytes_of(restore->checked.key, restore->checked.key_length), fault);
    return e;
}

static void unpack_and_check(void *context)
{
    struct restore *restore = context;
    struct fault fault = {0};
    enum error e = unpack_all(restore->unseal, restore->folder.fd, &restore->unpacked, &fault);
    crash_point("restore.unpacked");
    if (e == ERR_OK)
        e = check_content(restore, &fault);
    if (fault.code != ERR_OK)
        (void)fail(restore, arguments_get(restore->arguments, OPTION_BACKUP_IN), &fault);
    restore->result = e;
}

static enum error open_in(struct restore *restore)
{
    const char *path = arguments_get(restore->arguments, OPTION_BACKUP_IN);
    restore->in = open(path, O_RDONLY | O_CLOEXEC);
    if (restore->in >= 0)
        return ERR_OK;
    return failure_set_plain(restore->failure, ERR_CONFIG, "%s cannot be read: %s", path,
                             strerror(errno));
}

/* ---- what is said ---- */

/* "none": there is no signature to check. */
static const char *signature_word(const struct restore *restore)
{
    if (restore->unpacked.manifest.note[0] == '\0')
        return "none";
    return restore->checkpoint_key_length > 0 ? "checked" : "not-checked";
}

static json_t *missing_to_json(const struct manifest *manifest)
{
    json_t *missing = json_array();
    for (size_t i = 0; i < manifest->missing_count; i++)
        (void)json_array_append_new(missing, output_digest(&manifest->missing[i]));
    return missing;
}

static enum error print_json(const struct restore *restore, const char *root, const char *made)
{
    const struct ledger_checked *checked = &restore->checked;
    return output_json(json_pack("{s:o, s:s, s:I, s:I, s:o, s:I, s:s, s:I, s:s, s:b, s:I}",
                                 "folder", output_text(restore->folder.to), "made", made, "bytes",
                                 (json_int_t)restore->unpacked.bytes, "images",
                                 (json_int_t)restore->unpacked.images, "missing",
                                 missing_to_json(&restore->unpacked.manifest), "leaves",
                                 (json_int_t)checked->leaves, "root", root, "checkpoint_size",
                                 (json_int_t)checked->checkpoint_size, "signature",
                                 signature_word(restore), "signature_checked",
                                 checked->is_signature_checked, "schema",
                                 (json_int_t)checked->schema),
                       restore->failure);
}

/* Where the two belong, by the configuration that came along. */
static void print_next(const struct restore *restore)
{
    static struct config config;
    char problem[CONFIG_PROBLEM_MAX];
    char path[64];
    const char *to = restore->folder.to;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/" BACKUP_CONFIG, restore->folder.fd);
    bool is_read = config_load(path, CONFIG_CLI, &config, problem) == ERR_OK;
    const char *ledger = is_read ? config.vault.ledger : "the path of [vault] ledger";
    const char *images = is_read ? config.vault.images : "the path of [vault] images";
    (void)printf(
        "\nNext, if this is the newest ledger that there is:\n"
        "  1. Stop provision-vault. Move its ledger, with -wal and -shm, and its images "
        "away; keep them.\n"
        "  2. Move %s/" BACKUP_LEDGER " to %s\n"
        "     and %s/" BACKUP_IMAGES " to %s.\n"
        "     Both belong to the vault's user: chown -R provision-vault: on each.\n"
        "  3. Compare %s/" BACKUP_CONFIG " with the configuration in use; keys and "
        "certificates are not in a backup.\n"
        "  4. Start provision-vault and look at provctl status. \"mismatch\" means that "
        "the HSM has\n"
        "     seen more than this ledger: status says how to go on with it all the same.\n",
        to, ledger, to, images, to);
}

static enum error print_done(const struct restore *restore)
{
    const struct ledger_checked *checked = &restore->checked;
    char root[SHA256_HEX_SIZE];
    char made[TIMESTAMP_SIZE];
    hex_encode(bytes_of(checked->root.bytes, SHA256_SIZE), root);
    timestamp_format(restore->unpacked.made_unix_ms, made);
    if (arguments_has(restore->arguments, OPTION_JSON))
        return print_json(restore, root, made);
    (void)printf("made=%s leaves=%" PRId64 " root=%s images=%zu missing=%zu checkpoint=%" PRId64
                 " signature=%s\n",
                 made, checked->leaves, root, restore->unpacked.images,
                 restore->unpacked.manifest.missing_count, checked->checkpoint_size,
                 signature_word(restore));
    print_next(restore);
    return ERR_OK;
}

/* The folder is there, and is not all that the ledger names. */
static enum error tell_missing(const struct restore *restore)
{
    const struct manifest *manifest = &restore->unpacked.manifest;
    if (manifest->missing_count == 0)
        return ERR_OK;
    for (size_t i = 0; i < manifest->missing_count; i++) {
        char hex[SHA256_HEX_SIZE];
        hex_encode(bytes_of(manifest->missing[i].bytes, SHA256_SIZE), hex);
        (void)fprintf(stderr,
                      "provctl: " BACKUP_IMAGES "/%s was missing when the backup was made.\n", hex);
    }
    (void)failure_set_plain(restore->failure, ERR_IMAGE_UNKNOWN,
                            "%s is there, but lacks %zu images that its ledger names: take their "
                            "files from an older backup",
                            restore->folder.to, manifest->missing_count);
    restore->failure->exit = EXIT_CODE_INCOMPLETE;
    restore->failure->is_told = true;
    return restore->failure->code;
}

enum error command_restore(const struct arguments *arguments, struct failure *failure)
{
    RESTORE_AUTO restore = {
        .arguments = arguments, .failure = failure, .folder = NEW_FOLDER_NONE, .in = -1};
    struct stat info = {0};
    enum error e =
        new_folder_name(&restore.folder, arguments_get(arguments, OPTION_RESTORE_TO), failure);
    if (e == ERR_OK)
        e = open_in(&restore);
    if (e == ERR_OK)
        e = open_keys(&restore);
    if (e == ERR_OK)
        e = open_checkpoint_key(&restore);
    if (e == ERR_OK)
        e = new_folder_make(&restore.folder, failure);
    if (e != ERR_OK)
        return e;
    (void)fstat(restore.in, &info);
    progress_run(unpack_and_check, &restore, restore.in, info.st_size);
    e = restore.result;
    if (e == ERR_OK)
        e = new_folder_commit(&restore.folder, failure);
    if (e == ERR_OK)
        e = print_done(&restore);
    return e == ERR_OK ? tell_missing(&restore) : e;
}
