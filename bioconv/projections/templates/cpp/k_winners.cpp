{# USES_VARIABLES { N, strength, may_spike } #}
{# ITERATE_ALL { _idx } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{% include 'k_winners.h' %}
{% endblock %}
{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    for (int _idx = 0; _idx < N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
    bioconv::k_winners(
        {{strength}}, {% if won is none %}nullptr{% else %}(const char*){{get_array_name(won)}}{% endif %},
        (char*){{may_spike}}, {{replicas}}, N/{{replicas}}, {{k}});
{% endblock %}
