{# USES_VARIABLES { _target, _ring, _ring_at, _source_first, _post_first, _neurons, _delay, _period, _n_pre, _n_post, _channels, _columns, _per_group, _out_columns, _out_channels, _out_per_group, _kernel_rows, _kernel_columns, w, row_first, row_kernel, row_out, run_first, run_kernel, run_out, run_length } #}
{% extends 'common_group.pyx' %}
{% block template_support_code %}
cdef extern from *:
    """
{% include 'spikes.h' %}
{% include 'convolution.h' %}
static void bioconv_deliver(
    const int32_t* space, int64_t size, int64_t first_neuron, int64_t neurons,
    int32_t* ring, int32_t* at, int64_t delay, int64_t period, const {{cpp_dtype(variables['w'].dtype)}}* w, {{cpp_dtype(variables['_target'].dtype)}}* target, const char* open,
    int64_t _n_pre, int64_t _n_post, int64_t _channels, int64_t _columns, int64_t _per_group,
    int64_t _out_columns, int64_t _out_channels, int64_t _out_per_group, int64_t _kernel_rows,
    int64_t _kernel_columns, const int32_t* row_first, const int32_t* row_kernel, const
    int32_t* row_out, const int32_t* run_first, const int32_t* run_kernel, const int32_t*
    run_out, const int32_t* run_length{% if gain is not none %}, const {{cpp_dtype(gain.dtype)}}* gains{% endif %})
{
    bioconv::convolution<{{minus|lower}}>(
        bioconv::arrived(space, size, first_neuron, neurons, ring, at, delay, period), w, target, open,
        _n_pre, _n_post, _channels, _columns, _per_group, _out_columns, _out_channels,
        _out_per_group, _kernel_rows, _kernel_columns, row_first, row_kernel, row_out, run_first,
        run_kernel, run_out, run_length, {% if gain is none %}bioconv::Ones(){% else %}gains{% endif %});
}
    """
    void bioconv_deliver(
        int* space, long long size, long long first_neuron, long long neurons,
        int* ring, int* at, long long delay, long long period, {{cpp_dtype(variables['w'].dtype)}}* w, {{cpp_dtype(variables['_target'].dtype)}}* target, char* open,
        long long _n_pre, long long _n_post, long long _channels, long long _columns, long long
        _per_group, long long _out_columns, long long _out_channels, long long _out_per_group,
        long long _kernel_rows, long long _kernel_columns, int* row_first, int* row_kernel, int*
        row_out, int* run_first, int* run_kernel, int* run_out, int* run_length{% if gain is not none %}, {{cpp_dtype(gain.dtype)}}* gains{% endif %})
{% endblock %}
{% block maincode %}
    bioconv_deliver(
        <int*>{{get_array_name(eventspace)}}, {{eventspace_size}}, _source_first, _neurons,
        <int*>{{_ring}}, <int*>{{_ring_at}}, _delay, _period, {{w}}, {{_target}} + _post_first,
        {% if conditional_write is none %}NULL{% else %}<char*>{{get_array_name(conditional_write)}} + _post_first{% endif %},
        _n_pre, _n_post, _channels, _columns, _per_group, _out_columns, _out_channels,
        _out_per_group, _kernel_rows, _kernel_columns, <int*>{{row_first}}, <int*>{{row_kernel}},
        <int*>{{row_out}}, <int*>{{run_first}}, <int*>{{run_kernel}}, <int*>{{run_out}},
        <int*>{{run_length}}{% if gain is not none %}, {{get_array_name(gain)}} + _source_first{% endif %})
{% endblock %}
