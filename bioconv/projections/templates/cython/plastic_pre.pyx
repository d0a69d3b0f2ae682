{# USES_VARIABLES { _target, _ring, _ring_at, _at, _source_first, _post_first, _delay, _kept, _n_pre, _n_post, w, learning, reward, _x, _x_before, _y, _c, _order, _first, _there } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
{% set side = 'pre' %}
cdef extern from *:
    """
{% include 'spikes.h' %}
{% include 'plastic.h' %}
static void bioconv_pre(
    const int32_t* space, int64_t source_first, {{real}}* w, {{real}}* c, {{target_real}}* target, const char* open,
    {{real}}* x, {{real}}* x_before, {{real}}* y, {{real}} learning, {{real}} reward, int64_t n_pre, int64_t n_post,
    int64_t delay, int64_t kept, int32_t* at, int32_t* ring, int32_t* ring_at, const int32_t* order,
    const int32_t* first, const char* there)
{
    {% if not post_first %}
    at[0] = (int32_t)((at[0] + 1) % kept);
    bioconv::next_step(x, y, n_pre, n_post, kept, at[0]);
    {% endif %}
    {% if fade is not none %}
    bioconv::rewarded(w, c, there, n_pre*n_post, learning*reward*({{real}}){{dt}});
    {% endif %}
    bioconv::plastic_pre(
        bioconv::arrived(space, {{eventspace_size}}, source_first, n_pre, ring, ring_at, delay), w, c, target, open,
        x, x_before, y, learning, n_pre, n_post, kept, at[0], ring, {{eventspace_size}}, order, first, there);
}
    """
    void bioconv_pre(
        int* space, long long source_first, {{real}}* w, {{real}}* c, {{target_real}}* target, char* open,
        {{real}}* x, {{real}}* x_before, {{real}}* y, {{real}} learning, {{real}} reward, long long n_pre,
        long long n_post, long long delay, long long kept, int* at, int* ring, int* ring_at, int* order, int* first,
        char* there)
{% endblock %}
{% block maincode %}
    bioconv_pre(
        <int*>{{get_array_name(eventspace)}}, _source_first, {{w}}, {{_c}}, {{_target}} + _post_first,
        {% if conditional_write is none %}NULL{% else %}<char*>{{get_array_name(conditional_write)}} + _post_first{% endif %},
        {{_x}}, {{_x_before}}, {{_y}}, {{learning}}, {{reward}}, _n_pre, _n_post, _delay, _kept, <int*>{{_at}},
        <int*>{{_ring}}, <int*>{{_ring_at}}, <int*>{{_order}}, <int*>{{_first}}, <char*>{{_there}})
{% endblock %}
