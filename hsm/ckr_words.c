/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* PKCS#11 return values in plain words, for whoever tries a module. A constant table only. */
#include "hsm/ckr.h"

#include <stddef.h>

#include <p11-kit/pkcs11.h>

struct words {
    CK_RV rv;
    const char *text;
};

static const struct words WORDS[] = {
    {CKR_GENERAL_ERROR,
     "The module says that something went wrong and not what. Look into its own log; some modules "
     "answer a missing feature so."},
    {CKR_FUNCTION_FAILED,
     "The module could not do it and does not say why. Look into its own log; some modules answer "
     "a missing feature so."},
    {CKR_DEVICE_ERROR,
     "The device reports a fault. Does the vendor's own tool work with it? Else start it anew."},
    {CKR_DEVICE_REMOVED, "The device went away while it was used: check plug, power and network."},
    {CKR_TOKEN_NOT_PRESENT, "No token is in the slot: check plug, power and network."},
    {CKR_TOKEN_NOT_RECOGNIZED, "The slot holds something that this module does not know."},
    {CKR_SLOT_ID_INVALID, "The slot went away: the device was removed or renumbered."},
    {CKR_SESSION_HANDLE_INVALID,
     "The session died: the device was reset, or closes sessions by itself after a while."},
    {CKR_SESSION_CLOSED, "The session was closed during the call: the device was reset."},
    {CKR_USER_NOT_LOGGED_IN,
     "The login does not count any more: the device logged out, or allows one process alone."},
    {CKR_CRYPTOKI_NOT_INITIALIZED,
     "The module thinks that it was not started. A defect of the module: ask the vendor."},
    {CKR_FUNCTION_CANCELED, "Somebody or something cancelled the call at the device."},
    {CKR_MUTEX_BAD, "The module's own locks are broken. A defect of the module: ask the vendor."},
    {CKR_MUTEX_NOT_LOCKED,
     "The module's own locks are broken. A defect of the module: ask the vendor."},
    {CKR_FIPS_SELF_TEST_FAILED, "The device failed its self test and refuses to work: service it."},
    {CKR_LIBRARY_LOAD_FAILED, "The module cannot load a library of its own: install it."},
    {CKR_SESSION_READ_ONLY, "The token gives sessions for reading only. provisiond makes keys: "
                            "open the token for writing."},
    {CKR_USER_TYPE_INVALID, "The token has no ordinary user (CKU_USER): give it one."},
    {CKR_USER_TOO_MANY_TYPES,
     "The device bears no further kind of user at once: log the others out of it."},
    {CKR_SESSION_READ_ONLY_EXISTS,
     "A session for reading only is open, and the device allows no login beside it: close it."},
    {CKR_SESSION_READ_WRITE_SO_EXISTS,
     "The security officer is logged in at the device, which bears nobody beside: log him out."},
    {CKR_CANT_LOCK, "The module cannot make the locks that it wants. A defect of the module, or of "
                    "what it links: ask the vendor."},
    {CKR_NEED_TO_CREATE_THREADS,
     "The module wants threads of its own and may not make them: ask the vendor."},
    {CKR_CRYPTOKI_ALREADY_INITIALIZED,
     "The module thinks that it was started already. A defect of the module: ask the vendor."},
    {CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
     "Somebody else is logged in, and this device bears one alone. provisiond needs several."},
    {CKR_OPERATION_ACTIVE,
     "The module still thinks of an earlier call. A defect of the module: ask the vendor."},
    {CKR_OPERATION_NOT_INITIALIZED,
     "The module lost the beginning of a call. A defect of the module: ask the vendor."},
    {CKR_HOST_MEMORY, "The module got no memory from the system."},
    {CKR_DEVICE_MEMORY,
     "The token is full. Remove objects that nobody needs, or take a larger partition."},
    {CKR_SESSION_COUNT,
     "The token has no session left. Raise its limit, or set fewer workers in [hsm]."},
    {CKR_KEY_HANDLE_INVALID, "A key that was there a moment ago is not known any more."},
    {CKR_OBJECT_HANDLE_INVALID, "An object that was there a moment ago is not known any more."},
    {CKR_WRAPPING_KEY_HANDLE_INVALID,
     "A key that was there a moment ago is not known any more, or may not wrap."},
    {CKR_UNWRAPPING_KEY_HANDLE_INVALID,
     "A key that was there a moment ago is not known any more, or may not unwrap."},
    {CKR_WRAPPED_KEY_INVALID, "The token does not take what it wrapped itself, or it was changed."},
    {CKR_WRAPPED_KEY_LEN_RANGE, "The token expects another length of a wrapped key."},
    {CKR_DATA_INVALID, "The token refuses the data of this call."},
    {CKR_DATA_LEN_RANGE, "The data is too long or too short for the token in one call."},
    {CKR_ENCRYPTED_DATA_INVALID, "The token refuses the encrypted data of this call."},
    {CKR_ENCRYPTED_DATA_LEN_RANGE, "The token expects another length of encrypted data."},
    {CKR_PUBLIC_KEY_INVALID, "The token refuses a device's public key that is a point on P-256."},
    {CKR_BUFFER_TOO_SMALL,
     "The module gives more bytes at once than were put in: it keeps a whole image and gives it at "
     "the end, which provisiond does not take."},
    {CKR_MECHANISM_INVALID,
     "The module has no such mechanism, or not for this use. Some can be switched on (FIPS mode, "
     "partition policies); else this module lacks it."},
    {CKR_MECHANISM_PARAM_INVALID,
     "The module has the mechanism and not with these parameters (a KDF, an IV that we choose, a "
     "length of tag). Another firmware of the device may have them."},
    {CKR_FUNCTION_NOT_SUPPORTED, "The module lacks this function."},
    {CKR_ATTRIBUTE_TYPE_INVALID, "The module does not know an attribute that was asked for."},
    {CKR_ATTRIBUTE_VALUE_INVALID, "The module refuses the value of an attribute of the key."},
    {CKR_ATTRIBUTE_READ_ONLY, "The module lets nobody set an attribute that the key needs."},
    {CKR_TEMPLATE_INCOMPLETE, "The module wants attributes that provisiond does not give."},
    {CKR_TEMPLATE_INCONSISTENT,
     "The module refuses this set of attributes: often a policy of the device (FIPS mode, no "
     "import, no extractable keys)."},
    {CKR_KEY_SIZE_RANGE, "The module has no keys of this size."},
    {CKR_KEY_TYPE_INCONSISTENT, "The module wants another type of key for this mechanism."},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, "The key's attributes, or a policy, forbid this use."},
    {CKR_KEY_NOT_WRAPPABLE, "A policy of the device keeps this key from being wrapped."},
    {CKR_KEY_UNEXTRACTABLE, "The key may not leave the token, not even wrapped."},
    {CKR_WRAPPING_KEY_SIZE_RANGE, "The module does not wrap with keys of this size."},
    {CKR_WRAPPING_KEY_TYPE_INCONSISTENT, "The module wraps with another type of key only."},
    {CKR_UNWRAPPING_KEY_SIZE_RANGE, "The module does not unwrap with keys of this size."},
    {CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, "The module unwraps with another type of key only."},
    {CKR_CURVE_NOT_SUPPORTED, "The module has no curve P-256."},
    {CKR_DOMAIN_PARAMS_INVALID, "The module does not know P-256 by its name (prime256v1)."},
    {CKR_RANDOM_NO_RNG, "The module has no random numbers to give."},
    {CKR_ACTION_PROHIBITED, "A policy of the token forbids this."},
    {CKR_FUNCTION_REJECTED, "Somebody said no at the device."},
    {CKR_ARGUMENTS_BAD, "The module refuses the call as it stands: often a missing feature."},
    {CKR_ATTRIBUTE_SENSITIVE, "The module keeps this attribute to itself."},
    {CKR_TOKEN_WRITE_PROTECTED, "The token is write-protected: provisiond makes keys in it."},
    {CKR_PIN_INCORRECT,
     "The PIN is wrong. It was tried once; put the right one in place before the next run, for "
     "tokens lock after a few."},
    {CKR_PIN_INVALID, "The PIN has characters that the token does not take."},
    {CKR_PIN_LEN_RANGE, "The PIN is too long or too short to be this token's."},
    {CKR_PIN_EXPIRED, "The PIN has expired: set a new one with the vendor's tool."},
    {CKR_PIN_LOCKED, "The PIN is locked: the token's security officer can unlock it."},
    {CKR_USER_PIN_NOT_INITIALIZED,
     "The token has no user PIN yet: its security officer sets one with the vendor's tool."},
    {CKR_PIN_TOO_WEAK, "The token finds the PIN too weak: set another one with the vendor's tool."},
};

static const char UNKNOWN[] =
    "A return value of the vendor's own, or one that provisiond does not know: the vendor's manual "
    "says what it means. The service would log in anew.";

const char *ckr_words(unsigned long rv)
{
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (WORDS[i].rv == rv)
            return WORDS[i].text;
    }
    return UNKNOWN;
}
