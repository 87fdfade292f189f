"""LAW of who is asking and what they may see (I3). The gateway makes a Caller of the token; every service checks it."""

from collections.abc import Collection
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from services.common.contracts.errors import Forbidden
from services.common.domain.permissions import Permission, Role

EVERY_ESTATE = "*"
SYSTEM = "system"


class Caller(BaseModel):
    """`estates` are codes, or {"*"} for all; `household` is set for an owner only."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sub: str
    roles: frozenset[str]
    estates: frozenset[str] = frozenset()
    household: str | None = None

    @classmethod
    def system(cls, service: str) -> Self:
        """The product itself, for work nobody asked for: timers, webhooks, slices of a run."""
        return cls(sub=f"system:{service}", roles=frozenset({SYSTEM}), estates=frozenset({EVERY_ESTATE}))

    def require(self, permission: Permission) -> None:
        """Forbidden unless one of the caller's roles has the permission; a door asks this before all else."""
        if not self.may(permission):
            role_names = ", ".join(role for role in Role if role in permission.roles)
            raise Forbidden(f"This needs the permission {permission}, which these roles have: {role_names}.")

    def may(self, permission: Permission) -> bool:
        """Whether one of the caller's roles has the permission."""
        return self.holds(permission.roles)

    def holds(self, roles: Collection[str]) -> bool:
        """Whether the caller has one of `roles`, as data may name them; the system has all.

        A region manager is an estate manager of all estates of the token, also where a group's data name only that.
        """
        implied_roles = {Role.ESTATE_MANAGER} if Role.REGION_MANAGER in self.roles else frozenset[str]()
        return SYSTEM in self.roles or not (self.roles | implied_roles).isdisjoint(roles)

    def require_system(self) -> None:
        """Forbidden unless it is the product itself, for what nobody signs in for."""
        if SYSTEM not in self.roles:
            raise Forbidden("Only the product itself may do this.")

    def may_enter(self, estate: str) -> bool:
        """Whether the estate is in scope."""
        return EVERY_ESTATE in self.estates or estate in self.estates

    def require_estate(self, estate: str) -> None:
        """Forbidden unless the estate is in scope."""
        if not self.may_enter(estate):
            raise Forbidden(f"Estate {estate} is outside your scope.")

    def require_every_estate(self) -> None:
        """Forbidden unless the caller's scope is the whole group."""
        if EVERY_ESTATE not in self.estates:
            raise Forbidden("This needs the scope of the whole group.")

    def require_household(self, household: str, estate: str) -> None:
        """An owner sees the own household only; staff see those of their estates."""
        if self.is_owner:
            if self.household != household:
                raise Forbidden("This household is not yours.")
        else:
            self.require_estate(estate)

    def own_household(self, household: str | None, estate: str) -> str | None:
        """The household a new thing is about: an owner's own when none is named. Forbidden outside the scope."""
        if not self.is_owner:
            self.require_estate(estate)
            return household
        own = household or self.household
        if own is None:
            raise Forbidden("Your sign-in names no household.")
        self.require_household(own, estate)
        return own

    def estate_filter(self, estate: str | None = None) -> frozenset[str] | None:
        """The estates a list covers: the one asked for (Forbidden outside the scope), else the scope; None: all."""
        if estate is not None:
            self.require_estate(estate)
            return frozenset({estate})
        return None if EVERY_ESTATE in self.estates else self.estates

    def scope(self, estate: str | None, household: str | None) -> "Scope":
        """What a list of household matters shows of what was asked for; Forbidden when that is more than the scope."""
        if not self.is_owner:
            return Scope(self.estate_filter(estate), household)
        own = self.household or ""
        self.require_household(household or own, "")
        return Scope(None if estate is None else frozenset({estate}), own)

    @property
    def is_owner(self) -> bool:
        """True for a caller who is an owner and nothing else."""
        return self.roles == {Role.OWNER}

    @property
    def sees_personal_data(self) -> bool:
        """Whether names and phone numbers of owners may be shown unmasked; an owner sees the own."""
        return self.may(Permission.READ_PERSONAL_DATA) or self.is_owner


class Scope(NamedTuple):
    """Which rows of a list may be shown; `estates` None: of every estate, `household` None: of every household."""

    estates: frozenset[str] | None
    household: str | None


def mask_name(name: str) -> str:
    """王小明 → 王**: the family name stays."""
    return name[:1] + "*" * max(len(name) - 1, 0)


def mask_phone(phone: str) -> str:
    """13812345678 → 138****5678; a short number is hidden whole."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "*" * len(phone)


def mask_email(email: str) -> str:
    """li@example.com → l***@example.com."""
    user, at, host = email.partition("@")
    return f"{user[:1]}***{at}{host}"
