"""The two systems of units in which one and the same equations can be written."""

from dataclasses import dataclass

from bioconv.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class Units:
    """The unit words that stand behind the colons of the equations.

    Attributes
    ----------
    name : str
    potential, current, weight_suffix : str
        Units as Brian2 reads them; a current is charge per second.
    """

    name: str
    potential: str
    current: str

    @property
    def conductance(self) -> str:
        """Unit of a current over a potential."""
        return "siemens" if self.potential == "volt" else self.current

    @property
    def words(self) -> dict[str, str]:
        """What fills the holes of equations."""
        return {
            "potential": self.potential,
            "current": self.current,
            "conductance": self.conductance,
        }


BIOPHYSICAL = Units(name="biophysical", potential="volt", current="amp")
DIMENSIONLESS = Units(name="dimensionless", potential="1", current="hertz")


def units_named(name: str) -> Units:
    for units in (BIOPHYSICAL, DIMENSIONLESS):
        if units.name == name:
            return units
    raise ParameterError(f'units is {name!r}; choose "biophysical" or "dimensionless"')
