{# USES_VARIABLES { _n_pre, _n_post, w, _order } #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
{% include 'normalise.h' %}
{% endblock %}
{% block maincode %}
    bioconv::normalise<{{real}}>({{w}}, _n_pre, _n_post, {{total}}, {{_order if delays else 'nullptr'}});
{% endblock %}
