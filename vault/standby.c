/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The export. The file is made in memory, since its digest goes into the leaf that must be there
 * before anybody has it: a thousand images are 600 KB. Owns no state.
 */
#include "vault/standby.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/clock.h"
#include "handover/handover.h"
#include "vault/governance.h"
#include "vault/governed_product.h"
#include "vault/grants.h"
#include "vault/hsm_watch.h"
#include "vault/product_make.h"

#define IMAGES_STEP    64

#define FITS(from, to) (sizeof(((from *)0)->to) <= sizeof(((struct handover_image *)0)->to))
static_assert(FITS(struct ledger_image, label) && FITS(struct ledger_image, alias) &&
                  FITS(struct ledger_image, iv) && FITS(struct ledger_image, tag) &&
                  FITS(struct ledger_image, content),
              "what the ledger knows of an image fits the file");
static_assert(sizeof(((struct hsm_wrapped_key *)0)->bytes) <=
                  sizeof(((struct handover_image *)0)->key),
              "a wrapped key fits the file");
static_assert(LEDGER_PROFILE_MAX <= sizeof(((struct handover_header *)0)->profile),
              "a profile's name fits the file");
static_assert(HANDOVER_INFO_BYTES <= HSM_SHARED_INFO_MAX, "the HSM takes what keys are bound to");

/* SubjectPublicKeyInfo of a key on P-256, up to the uncompressed point. */
static const uint8_t P256_SPKI[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

/* All that one export needs. */
struct work {
    struct vault *vault;
    const struct standby_export *asked;
    struct ledger_product product;
    struct ledger_standby standby;
    size_t standby_count;
    uint8_t point[STANDBY_POINT_BYTES]; /* the standby's */
    struct handover_header header;
    struct ledger_image *images; /* owned */
    size_t count;
    bool is_too_many;
    bool is_out_of_memory;
    char *text; /* the file; owned */
    size_t length;
};

static void work_clear(struct work *work)
{
    free(work->images);
    free(work->text);
}

#define WORK_AUTO __attribute__((cleanup(work_clear))) struct work

enum error standby_point(struct bytes spki, uint8_t ret_point[STANDBY_POINT_BYTES],
                         struct fault *fault)
{
    const uint8_t *at = spki.data;
    EVP_PKEY *key = NULL;
    if (spki.length == sizeof P256_SPKI + STANDBY_POINT_BYTES &&
        memcmp(spki.data, P256_SPKI, sizeof P256_SPKI) == 0)
        key = d2i_PUBKEY(NULL, &at, (long)spki.length); /* checks that it is on the curve */
    ERR_clear_error();
    if (key == NULL)
        return fault_set(fault, ERR_BAD_REQUEST, "transport-key",
                         "A transport key is a public key on P-256, uncompressed, as provctl hsm "
                         "transport-key prints it.",
                         0);
    EVP_PKEY_free(key);
    memcpy(ret_point, spki.data + sizeof P256_SPKI, STANDBY_POINT_BYTES);
    return ERR_OK;
}

/* ---- for whom ---- */

static bool take_standby(void *context, const struct ledger_standby *standby)
{
    struct work *work = context;
    work->standby_count++;
    work->standby = *standby;
    return true;
}

static enum error find_standby(struct work *work, struct fault *fault)
{
    struct ledger *ledger = work->vault->ledger;
    if (work->asked->standby[0] != '\0')
        return ledger_standby_get(ledger, work->asked->standby, &work->standby, fault);
    enum error e = ledger_standbys_each(ledger, take_standby, work, fault);
    if (e == ERR_OK && work->standby_count != 1)
        e = fault_set(fault, ERR_CONFLICT, "standby-unclear",
                      "There is no standby HSM, or more than one: name it with --to (provctl "
                      "standby list).",
                      0);
    return e;
}

static enum error find_parties(struct work *work, struct fault *fault)
{
    struct ledger_info info;
    struct ledger *ledger = work->vault->ledger;
    enum error e = hsm_watch_permits(work->vault->watch, fault);
    if (e == ERR_OK)
        e = ledger_product_get(ledger, work->asked->product, &work->product, fault);
    if (e == ERR_OK)
        e = find_standby(work, fault);
    if (e == ERR_OK)
        e = ledger_info(ledger, &info, fault);
    const struct bytes spki = bytes_of(work->standby.spki, work->standby.spki_length);
    if (e == ERR_OK)
        e = standby_point(spki, work->point, fault);
    if (e != ERR_OK)
        return e;
    work->header.hsm = info.hsm_identity;
    work->header.standby = work->standby.hsm;
    work->header.transport_key = sha256_of(spki);
    return ERR_OK;
}

/* The product with its documents, which none joins meanwhile. */
static enum error judge(struct work *work, struct fault *fault)
{
    const struct governed_standby named = {work->header.standby, work->header.transport_key};
    enum error e =
        ledger_product_get(work->vault->ledger, work->asked->product, &work->product, fault);
    return e == ERR_OK
               ? governance_permits_standby(work->vault->governance, &work->product, &named, fault)
               : e;
}

static enum error check_permission(struct work *work, struct fault *fault)
{
    enum error e = grants_begin_turn(work->vault, fault);
    if (e != ERR_OK)
        return e;
    e = judge(work, fault);
    grants_end_turn(work->vault);
    return e;
}

/* ---- what ---- */

static bool take_image(void *context, const struct ledger_image *image)
{
    struct work *work = context;
    work->is_too_many = work->count == HANDOVER_IMAGES_MAX;
    if (work->is_too_many)
        return false;
    if (work->count % IMAGES_STEP == 0) {
        struct ledger_image *images =
            realloc(work->images, (work->count + IMAGES_STEP) * sizeof *work->images);
        work->is_out_of_memory = images == NULL;
        if (images == NULL)
            return false;
        work->images = images;
    }
    work->images[work->count++] = *image;
    return true;
}

/* The maker may have made the product at the standby before he changed its authorities here, or
 * after it; somebody else's product of the name gets no key. */
static void put_authorities(struct work *work)
{
    struct handover_header *header = &work->header;
    struct governance_view view;
    if (!work->product.is_governed)
        return;
    governance_show(work->vault->governance, work->product.id, &view);
    memcpy(header->authorities, view.first_authorities.bytes, SHA256_SIZE);
    header->authorities_length = SHA256_SIZE;
    if (sha256_equal(&view.first_authorities, &work->product.authorities))
        return;
    memcpy(header->authorities + SHA256_SIZE, work->product.authorities.bytes, SHA256_SIZE);
    header->authorities_length += SHA256_SIZE;
}

static enum error read_images(struct work *work, struct fault *fault)
{
    enum error e =
        ledger_images_each(work->vault->ledger, work->product.id, take_image, work, fault);
    if (e == ERR_OK && work->is_too_many)
        e = fault_set(fault, ERR_TOO_LARGE, "keys-file-images",
                      "The session keys of at most 16384 images go into one file.", 0);
    if (e == ERR_OK && work->is_out_of_memory)
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (e != ERR_OK)
        return e;
    put_authorities(work);
    work->header.images = (int64_t)work->count;
    work->header.made_unix_ms = clock_unix_ms();
    strcpy(work->header.product, work->product.name);
    strcpy(work->header.profile, work->product.profile);
    return ERR_OK;
}

/* ---- the file ---- */

static struct handover_image image_of(const struct ledger_image *from)
{
    struct handover_image image = {.digest = from->digest,
                                   .size = from->size,
                                   .created_unix_ms = from->created_unix_ms,
                                   .is_enabled = from->is_enabled,
                                   .iv_length = from->iv_length,
                                   .tag_length = from->tag_length};
    strcpy(image.label, from->label);
    strcpy(image.alias, from->alias);
    strcpy(image.content, from->content);
    memcpy(image.iv, from->iv, from->iv_length);
    memcpy(image.tag, from->tag, from->tag_length);
    return image;
}

static enum error wrap_image(const struct work *work, const struct ledger_image *from,
                             struct handover_image *ret_image, struct fault *fault)
{
    uint8_t info[HANDOVER_INFO_BYTES];
    struct hsm_wrapped wrapped;
    struct handover_image image = image_of(from);
    handover_info(&work->header, &image, info);
    struct hsm_wrap wrap = {.key_wrap = HSM_AES_KEY_WRAP,
                            .curve = HSM_P256,
                            .peer_point = bytes_of(work->point, sizeof work->point),
                            .kdf = HSM_X963_SHA256,
                            .shared_info = bytes_of(info, sizeof info),
                            .kek_bytes = HANDOVER_KEK_BYTES};
    wrap.firmware_key = product_firmware_key_id(work->product.name, from->generation);
    memcpy(wrap.session_key.bytes, from->session_key, from->session_key_length);
    wrap.session_key.length = from->session_key_length;
    enum error e = hsm_wrap_key(work->vault->hsm, &wrap, &wrapped, fault);
    if (e == ERR_OK && wrapped.ephemeral_length != HANDOVER_POINT_BYTES)
        e = fault_set(fault, ERR_INTERNAL, "hsm-answer", "The HSM's point is of another curve.", 0);
    if (e != ERR_OK)
        return e;
    memcpy(image.point, wrapped.ephemeral_point, sizeof image.point);
    memcpy(image.key, wrapped.key.bytes, wrapped.key.length);
    image.key_length = wrapped.key.length;
    *ret_image = image;
    return ERR_OK;
}

static enum error write_lines(const struct work *work, struct handover_file *file,
                              struct sha256 *ret_digest, struct fault *fault)
{
    struct handover_image image;
    enum error e = handover_write_header(file, &work->header, fault);
    for (size_t i = 0; i < work->count && e == ERR_OK; i++) {
        e = wrap_image(work, &work->images[i], &image, fault);
        if (e == ERR_OK)
            e = handover_write_image(file, &image, fault);
    }
    return e == ERR_OK ? handover_write_end(file, ret_digest, fault) : e;
}

static enum error make_text(struct work *work, struct sha256 *ret_digest, struct fault *fault)
{
    struct handover_file file = {.stream = open_memstream(&work->text, &work->length)};
    if (file.stream == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = write_lines(work, &file, ret_digest, fault);
    handover_file_clear(&file);
    if (fclose(file.stream) != 0 && e == ERR_OK)
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return e;
}

static enum error write_text(const struct work *work, struct fault *fault)
{
    size_t at = 0;
    errno = 0;
    while (at < work->length) {
        ssize_t n = pwrite(work->asked->file, work->text + at, work->length - at, (off_t)at);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    if (at == work->length && fsync(work->asked->file) == 0)
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "keys-file",
                     "The file of session keys cannot be written: see the number; 28 is a full "
                     "disk.",
                     errno);
}

static enum error check_file(int file, struct fault *fault)
{
    struct stat info;
    if (file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0)
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "keys-file",
                     "Session keys are written into an empty regular file.", 0);
}

/* ---- the count ---- */

struct before {
    const struct work *work;
    int64_t exported;
};

static bool find_before(void *context, const struct ledger_handed_over *row)
{
    struct before *before = context;
    if (strcmp(row->standby, before->work->standby.name) == 0 &&
        strcmp(row->product, before->work->product.name) == 0)
        before->exported = row->exported;
    return true;
}

static enum error note(const struct work *work, struct standby_exported *exported,
                       struct fault *fault)
{
    struct before before = {.work = work};
    const struct ledger_handover handover = {.product = work->product.name,
                                             .standby = &work->standby,
                                             .sequence = work->product.sequence,
                                             .images = exported->images,
                                             .file = exported->file};
    enum error e = ledger_handed_over_each(work->vault->ledger, find_before, &before, fault);
    exported->added = exported->images - before.exported;
    return e == ERR_OK
               ? ledger_handover_note(work->vault->ledger, &handover, work->asked->by, fault)
               : e;
}

enum error standby_export(struct vault *vault, const struct standby_export *asked,
                          struct standby_exported *ret_exported, struct fault *fault)
{
    WORK_AUTO work = {.vault = vault, .asked = asked};
    struct standby_exported exported = {0};
    enum error e = check_file(asked->file, fault);
    if (e == ERR_OK)
        e = find_parties(&work, fault);
    if (e == ERR_OK)
        e = check_permission(&work, fault);
    if (e == ERR_OK)
        e = read_images(&work, fault);
    if (e == ERR_OK)
        e = make_text(&work, &exported.file, fault);
    exported.images = (int64_t)work.count;
    if (e == ERR_OK)
        e = note(&work, &exported, fault);
    if (e == ERR_OK)
        e = write_text(&work, fault);
    if (e != ERR_OK)
        return e;
    strcpy(exported.standby, work.standby.name);
    *ret_exported = exported;
    return ERR_OK;
}
