/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The rules of metering. Owns no state. */
#include "ledger/rules.h"

#include <string.h>

#include "ledger/budget.h"

enum error rules_principal(bool is_known, bool is_enabled, struct fault *fault)
{
    if (!is_known)
        return fault_set(fault, ERR_FORBIDDEN, "principal-unknown",
                         "No principal is enrolled with this key.", 0);
    if (!is_enabled)
        return fault_set(fault, ERR_FORBIDDEN, "principal-disabled", "This principal is disabled.",
                         0);
    return ERR_OK;
}

enum error rules_caller(const struct store_caller *caller, const char *product, struct fault *fault)
{
    enum error e = rules_principal(caller->is_known, caller->is_enabled, fault);
    if (e != ERR_OK)
        return e;
    if (caller->role != LEDGER_STATION)
        return fault_set(fault, ERR_FORBIDDEN, "role-not-allowed", "Only a station may do this.",
                         0);
    if (!ledger_scope_has(caller->scope.products, product))
        return fault_set(fault, ERR_FORBIDDEN, "product-not-allowed",
                         "This station is narrowed to other products.", 0);
    return ERR_OK;
}

static enum error check_line(const struct store_caller *caller, const char *line,
                             struct fault *fault)
{
    if (ledger_scope_has(caller->scope.lines, line))
        return ERR_OK;
    if (line[0] == '\0')
        return fault_set(fault, ERR_FORBIDDEN, "line-missing",
                         "This station is narrowed to some lines: the request must name one.", 0);
    return fault_set(fault, ERR_FORBIDDEN, "line-not-allowed",
                     "This station is narrowed to other lines.", 0);
}

enum error rules_image_disabled(struct fault *fault)
{
    return fault_set(fault, ERR_IMAGE_UNKNOWN, "image-disabled", "The image is disabled.", 0);
}

static enum error check_image(const struct store_view *view, struct fault *fault)
{
    if (!view->has_image)
        return fault_set(fault, ERR_IMAGE_UNKNOWN, "image-unknown",
                         "The product has no image of this digest.", 0);
    return view->is_image_enabled ? ERR_OK : rules_image_disabled(fault);
}

enum error rules_subject(const struct store_view *view, const struct ledger_context *context,
                         struct fault *fault)
{
    if (!view->is_product_enabled)
        return fault_set(fault, ERR_PRODUCT_UNKNOWN, "product-disabled", "The product is disabled.",
                         0);
    enum error e = check_image(view, fault);
    if (e == ERR_OK)
        e = rules_caller(&view->caller, view->product, fault);
    if (e == ERR_OK)
        e = check_line(&view->caller, context->line, fault);
    return e;
}

/* A key and a serial belong together for ever; "none" is a serial like any other here. */
static enum error check_identity(const struct store_view *view, const struct ledger_device *device,
                                 struct fault *fault)
{
    if (view->is_replaced)
        return fault_set(fault, ERR_DEVICE_IDENTITY_CONFLICT, "key-was-replaced",
                         "This key's serial number belongs to another key since a rework.", 0);
    if (view->has_device && strcmp(view->serial, device->serial) != 0)
        return fault_set(fault, ERR_DEVICE_IDENTITY_CONFLICT, "key-has-other-serial",
                         "This device's key was seen before with another serial number.", 0);
    if (view->is_serial_taken)
        return fault_set(fault, ERR_DEVICE_IDENTITY_CONFLICT, "serial-has-other-key",
                         "This device's serial number was seen before with another key.", 0);
    return ERR_OK;
}

/* May one more unit be taken? */
static enum error check_unit(const struct store_view *view, int64_t now_unix_ms,
                             struct fault *fault)
{
    if (view->remaining <= 0)
        return fault_set(fault, ERR_QUOTA_SPENT, "quota-spent",
                         "No unit of the product's quota is left.", 0);
    return budget_check(view->budgets, now_unix_ms, fault);
}

enum error rules_standing(const struct store_view *view, const struct ledger_device *device,
                          int64_t now_unix_ms, enum ledger_standing *ret_standing,
                          struct fault *fault)
{
    enum error e = check_identity(view, device, fault);
    if (e != ERR_OK)
        return e;
    if (view->is_scrapped)
        return fault_set(fault, ERR_DEVICE_SCRAPPED, "device-scrapped",
                         "This device was reported as scrapped.", 0);
    if (view->attempts_max > 0 && view->attempts >= view->attempts_max)
        return fault_set(fault, ERR_ATTEMPTS_SPENT, "attempts-spent",
                         "A license was asked for this device as often as its product allows.", 0);
    if (view->install_id != 0) {
        *ret_standing = LEDGER_LICENSED;
        return ERR_OK;
    }
    e = view->unit_id == 0 ? check_unit(view, now_unix_ms, fault) : ERR_OK;
    if (e == ERR_OK)
        *ret_standing = LEDGER_MAY_ISSUE;
    return e;
}

static void move_result(struct store_move *move, int64_t result, int64_t units)
{
    if (result == LEDGER_SUCCEEDED)
        move->succeeded += units;
    else if (result == LEDGER_FAILED)
        move->failed += units;
    else if (result == LEDGER_SCRAPPED)
        move->scrapped += units;
}

struct store_move rules_move_install(const struct store_view *view)
{
    struct store_move move = {.installs = 1};
    if (view->unit_id != 0)
        move_result(&move, view->unit_result, -1);
    if (view->is_unit_proven)
        move.proven = -1;
    return move;
}

bool rules_outcome_counts(const struct store_install_view *install, enum ledger_result result)
{
    return install->unit_result != LEDGER_SCRAPPED &&
           (install->is_newest || result == LEDGER_SCRAPPED);
}

struct store_move rules_move_outcome(const struct store_install_view *install,
                                     enum ledger_result result, bool is_proven)
{
    struct store_move move = {.proven = 0};
    if (!rules_outcome_counts(install, result))
        return move;
    move_result(&move, install->unit_result, -1);
    move_result(&move, result, 1);
    move.proven = (is_proven ? 1 : 0) - (install->is_unit_proven ? 1 : 0);
    return move;
}
