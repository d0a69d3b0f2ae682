{# USES_VARIABLES { _target, _ring, _ring_at, _source_first, _post_first, _neurons, _delay, _period, _n_pre, _n_post, _channels, _columns, _per_group, _out_columns, _out_channels, _out_per_group, _kernel_rows, _kernel_columns, w, row_first, row_kernel, row_out, run_first, run_kernel, run_out, run_length } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{% include 'spikes.h' %}
{% include 'convolution.h' %}
{% endblock %}
{% block maincode %}
    const std::vector<int32_t>& _spikes = bioconv::arrived(
        {{get_array_name(eventspace)}}, {{eventspace_size}}, _source_first, _neurons,
        {{_ring}}, {{_ring_at}}, _delay, _period);
    const char* _open = {% if conditional_write is none %}nullptr{% else %}(const char*){{get_array_name(conditional_write)}} + _post_first{% endif %};
    bioconv::convolution<{{minus|lower}}>(_spikes, {{w}}, {{_target}} + _post_first, _open,
        _n_pre, _n_post, _channels, _columns, _per_group, _out_columns, _out_channels,
        _out_per_group, _kernel_rows, _kernel_columns, {{row_first}}, {{row_kernel}},
        {{row_out}}, {{run_first}}, {{run_kernel}}, {{run_out}}, {{run_length}},
        {% if gain is none %}bioconv::Ones(){% else %}{{get_array_name(gain)}} + _source_first{% endif %});
{% endblock %}
