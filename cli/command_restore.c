/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl restore: a backup into a folder that has another name until all of it was checked. Owns
 * no state.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <libgen.h>
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
#include "cli/output.h"
#include "cli/progress.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/crash_point.h"

#define UNTIL_WHOLE    ".incomplete"
#define FOLDER_MODE    0700
#define REMOVE_HANDLES 8
#define TO_MAX         (PATH_MAX - 64) /* room for the names behind it */

struct restore {
    const struct arguments *arguments;
    struct failure *failure;
    char to[PATH_MAX];
    char incomplete[PATH_MAX]; /* "" once it has its name, or was never made */
    char ledger[PATH_MAX];
    int folder;
    int in;
    struct unseal *unseal;
    uint8_t *checkpoint_key; /* DER, owned; NULL: none was given */
    int checkpoint_key_length;
    struct unpacked unpacked;
    struct ledger_checked checked;
    enum error result;
};

#define RESTORE_AUTO __attribute__((cleanup(restore_clear))) struct restore

/* ---- what is left of a restore that failed ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static void restore_clear(struct restore *restore)
{
    unseal_free(&restore->unseal);
    OPENSSL_free(restore->checkpoint_key);
    if (restore->in >= 0)
        (void)close(restore->in);
    if (restore->folder >= 0)
        (void)close(restore->folder);
    if (restore->incomplete[0] != '\0')
        (void)nftw(restore->incomplete, remove_one, REMOVE_HANDLES, FTW_DEPTH | FTW_PHYS);
}

static enum error fail(struct restore *restore, const char *path, const struct fault *fault)
{
    bool is_file = strcmp(fault->reason, BACKUP_FILE) == 0;
    return failure_set_plain(restore->failure, fault->code, "%s: %s%s%s", path, fault->detail,
                             is_file ? " " : "", is_file ? strerror((int)fault->native) : "");
}

/* ---- the folder ---- */

static bool is_empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry = NULL;
    bool is_empty = folder != NULL;
    while (is_empty && (entry = readdir(folder)) != NULL)
        is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder != NULL)
        (void)closedir(folder);
    return is_empty;
}

static enum error check_target(struct restore *restore)
{
    struct stat info;
    if (lstat(restore->to, &info) != 0 && errno == ENOENT)
        return ERR_OK;
    if (S_ISDIR(info.st_mode) && is_empty_folder(restore->to))
        return ERR_OK;
    return failure_set_plain(restore->failure, ERR_CONFLICT,
                             "%s is there and is no empty folder that may be read. "
                             "Give --to the name of a new one",
                             restore->to);
}

static enum error name_folders(struct restore *restore)
{
    const char *to = arguments_get(restore->arguments, OPTION_RESTORE_TO);
    size_t length = strlen(to);
    while (length > 1 && to[length - 1] == '/')
        length--;
    if (length == 0 || length > TO_MAX)
        return failure_set_usage(restore->failure, "--to wants the name of a folder");
    (void)snprintf(restore->to, sizeof restore->to, "%.*s", (int)length, to);
    return check_target(restore);
}

static enum error make_folder(struct restore *restore)
{
    char name[PATH_MAX];
    (void)snprintf(name, sizeof name, "%.*s" UNTIL_WHOLE, TO_MAX, restore->to);
    if (mkdir(name, FOLDER_MODE) != 0 && errno == EEXIST)
        return failure_set_plain(restore->failure, ERR_CONFLICT,
                                 "%s is left of a restore that was cut off, or one is under way. "
                                 "Remove it and repeat",
                                 name);
    restore->folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (restore->folder < 0)
        return failure_set_plain(restore->failure, ERR_CONFIG, "%s cannot be made: %s", name,
                                 strerror(errno));
    crash_point("restore.folder-made");
    (void)strcpy(restore->incomplete, name);
    (void)snprintf(restore->ledger, sizeof restore->ledger, "%.*s/" BACKUP_LEDGER, TO_MAX + 16,
                   name);
    return ERR_OK;
}

/* A name is durable once the folder that it is in is. */
static bool sync_above(const char *path)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = folder >= 0 && fsync(folder) == 0;
    if (folder >= 0)
        (void)close(folder);
    return is_synced;
}

static enum error give_name(struct restore *restore)
{
    crash_point("restore.before-name");
    if (fsync(restore->folder) != 0 || rename(restore->incomplete, restore->to) != 0)
        return failure_set_plain(restore->failure, ERR_CONFIG, "%s cannot be made: %s", restore->to,
                                 strerror(errno));
    restore->incomplete[0] = '\0';
    crash_point("restore.after-name");
    if (!sync_above(restore->to))
        return failure_set_plain(restore->failure, ERR_CONFIG,
                                 "%s is there, but its name may not be durable: %s", restore->to,
                                 strerror(errno));
    return ERR_OK;
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
    int images = -1;
    restore->result = unpack_all(restore->unseal, restore->folder, &restore->unpacked, &fault);
    crash_point("restore.unpacked");
    if (restore->result == ERR_OK) {
        images = openat(restore->folder, BACKUP_IMAGES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        restore->result =
            ledger_check(restore->ledger, images,
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
                  output_text(restore->to), "made", made, "bytes",
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
    (void)snprintf(path, sizeof path, "%s/" BACKUP_CONFIG, restore->to);
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
        restore->to, ledger, restore->to, images, restore->to);
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
    RESTORE_AUTO restore = {.arguments = arguments, .failure = failure, .folder = -1, .in = -1};
    struct stat info = {0};
    enum error e = name_folders(&restore);
    if (e == ERR_OK)
        e = open_in(&restore);
    if (e == ERR_OK)
        e = open_keys(&restore);
    if (e == ERR_OK)
        e = open_checkpoint_key(&restore);
    if (e == ERR_OK)
        e = make_folder(&restore);
    if (e != ERR_OK)
        return e;
    (void)fstat(restore.in, &info);
    progress_run(unpack_and_check, &restore, restore.in, info.st_size);
    e = restore.result;
    if (e == ERR_OK)
        e = give_name(&restore);
    return e == ERR_OK ? print_done(&restore) : e;
}
