{# USES_VARIABLES { _target, _ring, _ring_at, _source_first, _post_first, _neurons, _delay, _period, _n_pre, _n_post, _block, w } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{% include 'spikes.h' %}
{% include 'dense.h' %}
{% endblock %}
{% block maincode %}
    const std::vector<int32_t>& _spikes = bioconv::arrived(
        {{get_array_name(eventspace)}}, {{eventspace_size}}, _source_first, _neurons,
        {{_ring}}, {{_ring_at}}, _delay, _period);
    const char* _open = {% if conditional_write is none %}nullptr{% else %}(const char*){{get_array_name(conditional_write)}} + _post_first{% endif %};
    bioconv::dense<{{minus|lower}}>(_spikes, {{w}}, {{_target}} + _post_first, _open,
        _n_pre, _n_post, _block,
        {% if gain is none %}bioconv::Ones(){% else %}{{get_array_name(gain)}} + _source_first{% endif %});
{% endblock %}
