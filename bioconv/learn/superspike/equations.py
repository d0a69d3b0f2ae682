"""SuperSpike as Brian2 text: neurons, eligibility, error signals and the update of the weights.

========== =============================================== ====================================
symbol     what it is                                      unit
========== =============================================== ====================================
psp        input of a synapse as its membrane sees it      1
sigp       surrogate of the derivative of the spike train  1/volt
err        filtered target minus filtered output           1
lam        ``sigp psp`` behind the filter of the error     1/volt
m          ``err lam`` summed since the last update        second/volt
g2         the largest ``m**2`` of late                    second**2/volt**2
w          weight: jump of ``cur``                         volt
========== =============================================== ====================================

The loss is ``1/2 integral err**2 dt``, van Rossum's distance for a kernel of two exponentials.

References
----------
Zenke & Ganguli (2018), SuperSpike, Neural Computation 30:1514–1541, arXiv 1705.11146.
"""

#: What a synapse's presynaptic side keeps of its spikes.
TRACE = """
dx/dt = -x/tau_syn : 1
dpsp/dt = (x - psp)/tau_mem : 1
"""

#: Leaky neuron with exponential currents. The slope of a fast sigmoid stands in for that of the spike.
MEMBRANE = """
dU/dt = (U_rest - U + cur)/tau_mem : volt (unless refractory)
dcur/dt = -cur/tau_syn : volt
sigp = beta/(1 + abs(beta*(U - th)))**2 : 1/volt (constant over dt)
"""
THRESHOLD = "U > th"

INPUT = TRACE
INPUT_THRESHOLD = "pattern((t_in_timesteps % period)*dt, i) > 0"
INPUT_RESET = "x += 1"

#: ``err`` arrives from the output; ``z`` counts own spikes of late. Its power is taken once a neuron, not once a synapse.
HIDDEN = (
    MEMBRANE
    + TRACE
    + """
dz/dt = -z/tau_z : 1
busy = z**4 : 1 (constant over dt)
err : 1
"""
)
HIDDEN_RESET = """
U = U_rest
x += 1
z += 1
"""

OUTPUT = (
    MEMBRANE
    + """
derr1/dt = -err1/tau_r : 1
derr/dt = (err1 - err)/tau_d : 1
dloss/dt = err**2/2 : second
"""
)
OUTPUT_RESET = """
U = U_rest
err1 -= 1
"""
TARGET = "wanted((t_in_timesteps % period)*dt, i) > 0"
TARGET_RESET = "err1 += 1"

#: Three factors: error, surrogate slope, presynaptic trace. ``lam`` is filtered as the error is.
SYNAPSE = """
w : volt
g2 : second**2/volt**2
dl1/dt = (sigp_post*psp_pre - l1)/tau_r : 1/volt (clock-driven)
dlam/dt = (l1 - lam)/tau_d : 1/volt (clock-driven)
dm/dt = {drive} : second/volt (clock-driven)
"""
DELIVER = "cur_post += w"
DRIVE = "err_post*lam"
#: Weights of a neuron that spikes often decay.
REGULATED_DRIVE = "err_post*lam - rho*w*busy_post"

#: How the output's error reaches a hidden neuron, over the forward synapses read backwards.
SYMMETRIC_FEEDBACK = """
err_pre = w*err_post/mV : 1 (summed)
"""
FIXED_FEEDBACK = """
b : 1 (constant)
err_pre = b*err_post : 1 (summed)
"""

#: RMaxProp: a step of at most ``step``, smaller where ``m`` was larger before.
UPDATE = """
g2 = int(m**2 > gamma*g2)*m**2 + int(m**2 <= gamma*g2)*gamma*g2
w = clip(w + step*exp(-t/fading)*m/(sqrt(g2) + tiny), -w_max, w_max)
m = 0*second/volt
"""
