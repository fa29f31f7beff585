/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An image that its maker packed at home: what the package says, and the encrypted image behind it.
 * The session key is never in clear here, nor anywhere else on the site but in the HSM. Owns no
 * state.
 */
#include <assert.h>
#include <string.h>

#include "core/clock.h"
#include "handover/package.h"
#include "image/image_store.h"
#include "license/license.h"
#include "vault/hsm_watch.h"
#include "vault/take_in.h"

#define FITS(from, to) (sizeof(((from *)0)->to) >= sizeof(((struct package *)0)->to))
static_assert(FITS(struct ledger_image, label) && FITS(struct ledger_image, iv) &&
                  FITS(struct ledger_image, tag) && FITS(struct ledger_image, content),
              "what a package says fits the ledger");
static_assert(PACKAGE_INFO_BYTES <= HSM_SHARED_INFO_MAX, "the HSM takes what keys are bound to");

/* ---- the request ---- */

/* No name has a line end: what a key is bound to is told apart by them. */
static bool read_names(const Provisiond__ImageImportRequest *asked, struct package *package)
{
    return take_in_text(asked->product, package->product, sizeof package->product) &&
           take_in_text(asked->profile, package->profile, sizeof package->profile) &&
           take_in_text(asked->content, package->content, sizeof package->content) &&
           take_in_text(asked->label, package->label, sizeof package->label) &&
           name_is_valid(package->product, HANDOVER_NAME_MAX) &&
           name_is_valid(package->profile, HANDOVER_PROFILE_MAX) &&
           name_is_valid(package->content, HANDOVER_CONTENT_MAX);
}

static bool read_package(const Provisiond__ImageImportRequest *asked, struct package *package)
{
    package->size = asked->size;
    package->made_unix_ms = asked->made_unix_ms;
    return package->size > 0 && package->made_unix_ms >= 0 && read_names(asked, package) &&
           admin_read_digest(&asked->transport_key, &package->transport_key) &&
           admin_read_digest(&asked->image, &package->image) &&
           take_in_bytes(&asked->iv, package->iv, sizeof package->iv, &package->iv_length) &&
           take_in_bytes(&asked->tag, package->tag, sizeof package->tag, &package->tag_length) &&
           (package->tag_length == 0 || package->tag_length == sizeof package->tag) &&
           take_in_bytes(&asked->authorities, package->authorities, SHA256_SIZE,
                         &package->authorities_length) &&
           (package->authorities_length == 0 || package->authorities_length == SHA256_SIZE) &&
           take_in_exact(&asked->point, package->point, sizeof package->point) &&
           take_in_bytes(&asked->key, package->key, sizeof package->key, &package->key_length);
}

static enum error check_request(struct admin_task *task, const struct package *package)
{
    if (strcmp(task->request->image_import->for_product, package->product) != 0)
        return admin_refuse_field(
            task, "other-product",
            "The image was packed for another product than this one: is --product "
            "right? Else it must be packed again.");
    if ((uint64_t)package->size > IMAGE_MAX_BYTES)
        return fault_set(&task->fault, ERR_TOO_LARGE, "firmware",
                         "A firmware image is at most 4 GiB.", 0);
    return ERR_OK;
}

/* ---- the image ---- */

/* The ledger calls a profile's default by no name. NULL: the profile has no such form. */
static const char *content_of(const struct package *package)
{
    const struct license_profile *profile = license_profile_find(package->profile);
    const struct license_content *content =
        profile != NULL ? license_content_find(profile, package->content) : NULL;
    if (content == NULL)
        return NULL;
    return content == license_content_find(profile, "") ? "" : content->name;
}

static void fill_image(const struct package *package, const char *content,
                       struct ledger_image *image)
{
    image->digest = package->image;
    image->size = package->size;
    image->iv_length = package->iv_length;
    image->tag_length = package->tag_length;
    image->created_unix_ms = clock_unix_ms(); /* the home's clock is none of ours */
    image->is_enabled = true;
    strcpy(image->label, package->label);
    strcpy(image->content, content);
    memcpy(image->iv, package->iv, package->iv_length);
    memcpy(image->tag, package->tag, package->tag_length);
}

static enum error take_in(struct admin_task *task, const struct package *package, bool *ret_is_new)
{
    const char *content = content_of(package);
    uint8_t info[PACKAGE_INFO_BYTES];
    struct take_in in = {.name = package->product,
                         .profile = package->profile,
                         .authorities = bytes_of(package->authorities, package->authorities_length),
                         .key = {.curve = HSM_P256,
                                 .ephemeral_point = bytes_of(package->point, sizeof package->point),
                                 .kdf = HSM_X963_SHA256,
                                 .shared_info = bytes_of(info, sizeof info),
                                 .kek_bytes = PACKAGE_KEK_BYTES,
                                 .key.length = package->key_length}};
    if (content == NULL)
        return admin_refuse_field(task, "sealed-content",
                                  "The package's profile has no such form of content.");
    package_info(package, info);
    memcpy(in.key.key.bytes, package->key, package->key_length);
    fill_image(package, content, &in.image);
    return take_in_image(task, &in, ret_is_new);
}

static enum error import_image(struct admin_task *task)
{
    Provisiond__ImageImportReply *reply = &task->result.image_import;
    struct package package = {0};
    bool is_new = false;
    if (!read_package(task->request->image_import, &package))
        return admin_refuse_field(task, "package-form",
                                  "A member of the package is out of its limits.");
    enum error e = check_request(task, &package);
    if (e == ERR_OK)
        e = hsm_watch_permits(task->vault->watch, &task->fault);
    if (e == ERR_OK)
        e = take_in_check_key(task, &package.transport_key);
    if (e == ERR_OK)
        e = take_in(task, &package, &is_new);
    if (e != ERR_OK)
        return e;
    provisiond__image_import_reply__init(reply);
    reply->is_new = is_new;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_IMPORT;
    task->reply.image_import = reply;
    return ERR_OK;
}

enum error admin_image_import(struct admin_task *task)
{
    return admin_long_work(task, import_image);
}
