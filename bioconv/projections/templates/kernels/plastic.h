// A matrix (n_pre, n_post) that learns: rows at presynaptic spikes, columns at postsynaptic ones.
//
// x and y are the traces of the source's and the target's spikes, one array after another; `rule.on_pre` and
// `rule.on_post` are what a weight gains. With delays that differ, x has a row for each of the last steps and
// the weights of a row are stored by delay.
#include <cmath>
#include <cstdint>

namespace bioconv {

{% for name, value in constants.items() %}
static const {{real}} {{name}} = ({{real}}){{value}};
{% endfor %}

static inline {{real}} clip({{real}} value, {{real}} low, {{real}} high)
{
    return value < low ? low : (value > high ? high : value);
}

static inline {{real}} bounded({{real}} value)
{
    return clip(value, w_min, w_max);
}

{% macro arguments(traces) %}{% for trace in traces %}, {{real}} {{trace.name}}{% endfor %}{% endmacro %}
{% for side, change in (('pre', on_pre), ('post', on_post)) if change is not none %}
static inline {{real}} gain_on_{{side}}({{real}} w{{arguments(pre)}}{{arguments(post)}})
{
    return {{change.cpp}};
}
{% endfor %}

// The new weight, where there is a synapse; with an eligibility trace that collects the change, the old one.
{% macro changed(side, k, w, c, xs, ys) -%}
{% if mask %}if (there[{{k}}]) {% endif %}
{%- if fade is none -%}
{{w}} = bounded({{w}} + learning*(gain_on_{{side}}({{w}}{{xs}}{{ys}})));
{%- else -%}
{{c}} += learning*(gain_on_{{side}}({{w}}{{xs}}{{ys}}));
{%- endif %}
{%- endmacro %}

static inline void fade({{real}}* __restrict__ trace, int64_t n, {{real}} factor)
{
    for (int64_t k = 0; k < n; k++) trace[k] *= factor;
}

{% if fade is not none %}
// What the reward of this step makes of the eligibility traces, which fade.
static void rewarded(
    {{real}}* __restrict__ w, {{real}}* __restrict__ c, const char* there, int64_t n, {{real}} amount)
{
    (void)there;
    if (amount != 0)
        for (int64_t k = 0; k < n; k++) {% if mask %}if (there[k]) {% endif %}w[k] = bounded(w[k] + amount*c[k]);
    fade(c, n, ({{real}}){{fade}});
}
{% endif %}

// Traces of the step before, one step later. `at` is the row of x that is now.
static void next_step({{real}}* x, {{real}}* y, int64_t n_pre, int64_t n_post, int64_t kept, int64_t at)
{
    const int64_t before = (at + kept - 1) % kept;
    (void)before;
    {% for trace in pre %}
    {
        {{real}}* now = x + ({{loop.index0}}*kept + at)*n_pre;
        {% if delays %}
        const {{real}}* old = x + ({{loop.index0}}*kept + before)*n_pre;
        for (int64_t i = 0; i < n_pre; i++) now[i] = old[i]*({{real}}){{trace.decay}};
        {% else %}
        fade(now, n_pre, ({{real}}){{trace.decay}});
        {% endif %}
    }
    {% endfor %}
    {% for trace in post %}
    fade(y + {{loop.index0}}*n_post, n_post, ({{real}}){{trace.decay}});
    {% endfor %}
}

{% macro own() %}{% for trace in pre %}, own{{loop.index0}}{% endfor %}{% endmacro %}
{% macro ys(index) %}{% for trace in post %}, y[{{loop.index0}}*n_post + {{index}}]{% endfor %}{% endmacro %}

{% if side == 'pre' %}
// A part of a row that arrives in a step, and the step in which its neuron spiked.
struct Piece { int64_t i, then, from, to; };
// Pieces that are fetched into the cache before they are needed.
static const size_t AHEAD = 4;

static void plastic_pre(
    const std::vector<int32_t>& spikes, {{real}}* __restrict__ w, {{real}}* __restrict__ c,
    {{target_real}}* __restrict__ target, const char* open, {{real}}* __restrict__ x,
    {{real}}* __restrict__ x_before, const {{real}}* __restrict__ y, {{real}} learning, int64_t n_pre, int64_t n_post,
    int64_t kept, int64_t at, int32_t* ring, int64_t ring_size, const int32_t* __restrict__ order,
    const int32_t* __restrict__ first, const char* __restrict__ there)
{
    (void)there;
    const {{target_real}} unit = ({{target_real}}){{unit}};
    {% if not delays %}
    for (size_t s = 0; s < spikes.size(); s++) {
        const int64_t i = spikes[s];
        {{real}}* __restrict__ row = w + i*n_post;
        {{real}}* __restrict__ collected = c + {{'i*n_post' if fade is not none else '0'}};
        (void)collected;
        add<false>(target, row, open, n_post, unit);
        {% for trace in pre %}
        {{real}}& own{{loop.index0}} = x[{{loop.index0}}*n_pre + i];
        {% endfor %}
        {% if on_pre is not none %}
        if (learning != 0)
            for (int64_t j = 0; j < n_post; j++) { {{changed('pre', 'i*n_post + j', 'row[j]', 'collected[j]', own(), ys('j'))}} }
        {% endif %}
        {% for trace in pre %}
        own{{loop.index0}} {{'+=' if trace.adds else '='}} 1;
        {% endfor %}
    }
    {% else %}
    // the spikes of this step wait, with the traces as they were before them
    int32_t* now = ring + at*ring_size;
    now[ring_size - 1] = (int32_t)spikes.size();
    for (size_t s = 0; s < spikes.size(); s++) {
        const int64_t i = spikes[s];
        now[s] = spikes[s];
        {% for trace in pre %}
        {
            {{real}}& own = x[({{loop.index0}}*kept + at)*n_pre + i];
            x_before[({{loop.index0}}*kept + at)*n_pre + i] = own;
            own {{'+=' if trace.adds else '='}} 1;
        }
        {% endfor %}
    }
    // what arrives in this step: pieces of rows, wherever they lie
    static thread_local std::vector<Piece> pieces;
    pieces.clear();
    for (int64_t d = kept - 1; d >= 0; d--) {
        const int64_t then = (at + kept - d) % kept;
        const int32_t* old = ring + then*ring_size;
        for (int32_t s = 0; s < old[ring_size - 1]; s++) {
            const int64_t i = old[s];
            const int32_t* from = first + i*(kept + 1) + d;
            pieces.push_back({i, then, i*n_post + from[0], i*n_post + from[1]});
        }
    }
    for (size_t p = 0; p < pieces.size(); p++) {
        const Piece piece = pieces[p];
        if (p + AHEAD < pieces.size()) {
            const Piece& coming = pieces[p + AHEAD];
            for (int64_t k = coming.from; k < coming.to; k += 8) __builtin_prefetch(w + k, 1);
            for (int64_t k = coming.from; k < coming.to; k += 16) __builtin_prefetch(order + k, 0);
        }
        {% for trace in pre %}
        const {{real}} own{{loop.index0}} = x_before[({{loop.index0}}*kept + piece.then)*n_pre + piece.i];
        (void)own{{loop.index0}};
        {% endfor %}
        if (open) {
            for (int64_t k = piece.from; k < piece.to; k++) {
                const int32_t j = order[k];
                if (open[j]) target[j] += w[k]*unit;
            }
        } else {
            for (int64_t k = piece.from; k < piece.to; k++) target[order[k]] += w[k]*unit;
        }
        {% if on_pre is not none %}
        if (learning != 0)
            for (int64_t k = piece.from; k < piece.to; k++) {
                const int32_t j = order[k];
                {{changed('pre', 'k', 'w[k]', 'c[k]', own(), ys('j'))}}
            }
        {% endif %}
    }
    {% endif %}
}
{% else %}
static void plastic_post(
    const std::vector<int32_t>& spikes, {{real}}* w, {{real}}* c, const {{real}}* x, {{real}}* y,
    {{real}} learning, int64_t n_pre, int64_t n_post, int64_t kept, int64_t at, const int32_t* place,
    const int32_t* waits, const char* there)
{
    (void)there;
    for (size_t s = 0; s < spikes.size(); s++) {
        const int64_t j = spikes[s];
        {% if on_post is not none %}
        if (learning != 0)
            for (int64_t i = 0; i < n_pre; i++) {
                {% if delays %}
                const int64_t k = i*n_post + place[i*n_post + j];
                const int64_t then = (at + kept - waits[i*n_post + j]) % kept;
                {% else %}
                const int64_t k = i*n_post + j;
                {% endif %}
                {% for trace in pre %}
                const {{real}} own{{loop.index0}} = x[({{loop.index0}}*kept + {{'then' if delays else '0'}})*n_pre + i];
                (void)own{{loop.index0}};
                {% endfor %}
                {{changed('post', 'k', 'w[k]', 'c[k]', own(), ys('j'))}}
            }
        {% endif %}
        {% for trace in post %}
        y[{{loop.index0}}*n_post + j] {{'+=' if trace.adds else '='}} 1;
        {% endfor %}
    }
}
{% endif %}

}
