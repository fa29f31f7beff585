/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl restore: a backup into a new folder, all of it checked. Owns no state. */
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

static void unpack_and_check(void *context)
{
    struct restore *restore = context;
    struct fault fault = {0};
    char ledger[PATH_MAX + sizeof BACKUP_LEDGER];
    int images = -1;
    (void)snprintf(ledger, sizeof ledger, "%s/" BACKUP_LEDGER, restore->folder.incomplete);
    restore->result = unpack_all(restore->unseal, restore->folder.fd, &restore->unpacked, &fault);
    crash_point("restore.unpacked");
    if (restore->result == ERR_OK) {
        images = openat(restore->folder.fd, BACKUP_IMAGES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        restore->result =
            ledger_check(ledger, images,
                         bytes_of(restore->checkpoint_key, (size_t)restore->checkpoint_key_length),
                         &restore->checked, &fault);
    }
    if (images >= 0)
        (void)close(images);
    if (restore->result != ERR_OK)
        (void)fail(restore, arguments_get(restore->arguments, OPTION_BACKUP_IN), &fault);
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

static enum error print_json(const struct restore *restore, const char *root, const char *made)
{
    const struct ledger_checked *checked = &restore->checked;
    return output_json(
        json_pack("{s:o, s:s, s:I, s:I, s:I, s:s, s:I, s:b, s:I}", "folder",
                  output_text(restore->folder.to), "made", made, "bytes",
                  (json_int_t)restore->unpacked.bytes, "images", (json_int_t)checked->images,
                  "leaves", (json_int_t)checked->leaves, "root", root, "checkpoint_size",
                  (json_int_t)checked->checkpoint_size, "signature_checked",
                  checked->is_signature_checked, "schema", (json_int_t)checked->schema),
        restore->failure);
}

/* Where the two belong, by the configuration that came along. */
static void print_next(const struct restore *restore)
{
    static struct config config;
    char problem[CONFIG_PROBLEM_MAX];
    char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/" BACKUP_CONFIG, restore->folder.to);
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
        restore->folder.to, ledger, restore->folder.to, images, restore->folder.to);
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
    (void)printf("made=%s leaves=%" PRId64 " root=%s images=%" PRId64 " checkpoint=%" PRId64
                 " signature=%s\n",
                 made, checked->leaves, root, checked->images, checked->checkpoint_size,
                 checked->is_signature_checked ? "checked" : "not-checked");
    print_next(restore);
    return ERR_OK;
}

enum error command_restore(const struct arguments *arguments, struct failure *failure)
{
    RESTORE_AUTO restore = {
        .arguments = arguments, .failure = failure, .folder = {.fd = -1}, .in = -1};
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
    crash_point("restore.folder-made");
    if (e != ERR_OK)
        return e;
    (void)fstat(restore.in, &info);
    progress_run(unpack_and_check, &restore, restore.in, info.st_size);
    e = restore.result;
    crash_point("restore.before-name");
    if (e == ERR_OK)
        e = new_folder_commit(&restore.folder, failure);
    crash_point("restore.after-name");
    return e == ERR_OK ? print_done(&restore) : e;
}
