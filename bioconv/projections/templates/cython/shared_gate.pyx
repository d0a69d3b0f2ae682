{# USES_VARIABLES { _target, _ring, _ring_at, _source_first, _post_first, _neurons, _delay, _period, _n_pre, _n_post, _estimate, w, first, post, place, window_first, window_pre } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include 'spikes.h' %}
{% include 'gate.h' %}
static void bioconv_deliver(
    const int32_t* space, int64_t size, int64_t first_neuron, int64_t neurons,
    int32_t* ring, int32_t* at, int64_t delay, int64_t period, const {{cpp_dtype(variables['w'].dtype)}}* w, {{cpp_dtype(variables['_target'].dtype)}}* target, const char* open,
    const {{cpp_dtype(variables['_estimate'].dtype)}}* estimate, int64_t _n_pre, int64_t _n_post, const int32_t* first,
    const int32_t* post, const int32_t* place, const int32_t* window_first, const int32_t* window_pre)
{
    bioconv::gate<{{minus|lower}}>(
        bioconv::arrived(space, size, first_neuron, neurons, ring, at, delay, period), w, target, open,
        estimate, _n_pre, _n_post, first, post, place, window_first, window_pre);
}
    """
    void bioconv_deliver(
        int* space, long long size, long long first_neuron, long long neurons,
        int* ring, int* at, long long delay, long long period, {{cpp_dtype(variables['w'].dtype)}}* w, {{cpp_dtype(variables['_target'].dtype)}}* target, char* open,
        {{cpp_dtype(variables['_estimate'].dtype)}}* estimate, long long _n_pre, long long _n_post, int* first, int* post, int* place,
        int* window_first, int* window_pre)
{% endblock %}
{% block maincode %}
    bioconv_deliver(
        <int*>{{get_array_name(eventspace)}}, {{eventspace_size}}, _source_first, _neurons,
        <int*>{{_ring}}, <int*>{{_ring_at}}, _delay, _period, {{w}}, {{_target}} + _post_first,
        {% if conditional_write is none %}NULL{% else %}<char*>{{get_array_name(conditional_write)}} + _post_first{% endif %},
        {{_estimate}} + _source_first, _n_pre, _n_post, <int*>{{first}}, <int*>{{post}},
        <int*>{{place}}, <int*>{{window_first}}, <int*>{{window_pre}})
{% endblock %}
