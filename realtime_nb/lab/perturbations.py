"""`rt.perturbations`: the steps of `rt.perturb`, each a reproducible degradation of a recording."""

from realtime_nb.lab.perturb import Gain as Gain
from realtime_nb.lab.perturb import Noise as Noise
from realtime_nb.lab.perturb import Silence as Silence
from realtime_nb.lab.perturb import Speed as Speed
from realtime_nb.lab.perturb import Telephone as Telephone
