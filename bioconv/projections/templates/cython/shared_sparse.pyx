{# USES_VARIABLES { _target, _ring, _ring_at, _source_first, _post_first, _neurons, _delay, _period, _n_pre, _n_post, w, first, post } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include 'spikes.h' %}
{% include 'sparse.h' %}
static void bioconv_deliver(
    const int32_t* space, int64_t size, int64_t first_neuron, int64_t neurons,
    int32_t* ring, int32_t* at, int64_t delay, int64_t period, const {{cpp_dtype(variables['w'].dtype)}}* w, {{cpp_dtype(variables['_target'].dtype)}}* target, const char* open,
    int64_t _n_pre, int64_t _n_post, const int32_t* first, const int32_t* post{% if gain is not none %}, const {{cpp_dtype(gain.dtype)}}* gains{% endif %})
{
    bioconv::sparse<{{minus|lower}}>(
        bioconv::arrived(space, size, first_neuron, neurons, ring, at, delay, period), w, target, open,
        _n_pre, _n_post, first, post, {% if gain is none %}bioconv::Ones(){% else %}gains{% endif %});
}
    """
    void bioconv_deliver(
        int* space, long long size, long long first_neuron, long long neurons,
        int* ring, int* at, long long delay, long long period, {{cpp_dtype(variables['w'].dtype)}}* w, {{cpp_dtype(variables['_target'].dtype)}}* target, char* open,
        long long _n_pre, long long _n_post, int* first, int* post{% if gain is not none %}, {{cpp_dtype(gain.dtype)}}* gains{% endif %})
{% endblock %}
{% block maincode %}
    bioconv_deliver(
        <int*>{{get_array_name(eventspace)}}, {{eventspace_size}}, _source_first, _neurons,
        <int*>{{_ring}}, <int*>{{_ring_at}}, _delay, _period, {{w}}, {{_target}} + _post_first,
        {% if conditional_write is none %}NULL{% else %}<char*>{{get_array_name(conditional_write)}} + _post_first{% endif %},
        _n_pre, _n_post, <int*>{{first}}, <int*>{{post}}{% if gain is not none %}, {{get_array_name(gain)}} + _source_first{% endif %})
{% endblock %}
